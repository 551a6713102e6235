/* Loaded before the C library: makes system calls fail as on some mounts, with the errno in ODD_<CALL>.
   ODD_OPEN fails opening for writing, if the path contains ODD_UNDER. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int fails(const char *call) {
    const char *number = getenv(call);
    if (number) errno = atoi(number);
    return number != 0;
}

int flock(int fd, int operation) {
    int (*real)(int, int) = dlsym(RTLD_NEXT, "flock");
    return fails("ODD_FLOCK") ? -1 : real(fd, operation);
}

int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    return fails("ODD_FSYNC") ? -1 : real(fd);
}

int chmod(const char *path, mode_t mode) {
    int (*real)(const char *, mode_t) = dlsym(RTLD_NEXT, "chmod");
    return fails("ODD_CHMOD") ? -1 : real(path, mode);
}

int fchmodat(int folder, const char *path, mode_t mode, int flags) {
    int (*real)(int, const char *, mode_t, int) = dlsym(RTLD_NEXT, "fchmodat");
    return fails("ODD_CHMOD") ? -1 : real(folder, path, mode, flags);
}

static int open_or_fail(const char *symbol, const char *path, int flags, mode_t mode) {
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, symbol);
    const char *under = getenv("ODD_UNDER");
    if (under && strstr(path, under) && (flags & (O_WRONLY | O_RDWR)) && fails("ODD_OPEN")) return -1;
    return real(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    return open_or_fail("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    return open_or_fail("open64", path, flags, mode);
}
