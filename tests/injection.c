/* Loaded before the C library: makes one call that writes below a folder fail, with a chosen errno.

   `injection_arm` starts the count at 0; each counted call is a line "NUMBER CALL PATH" in the log. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char under[PATH_MAX];
static int fail_at, fail_number, fail_lasting, log_file = -1, count;

void injection_arm(const char *folder, int at, int number, int lasting, int log) {
    strncpy(under, folder, sizeof under - 1);
    fail_at = at, fail_number = number, fail_lasting = lasting, log_file = log, count = 0;
}

/* Returns whether the call is to fail; `grows` is whether it takes space, as on a full disk. */
static int fails(const char *call, const char *path, int grows) {
    if (log_file < 0 || strncmp(path, under, strlen(under)) != 0) return 0;
    int number = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    dprintf(log_file, "%d %s %s\n", number, call, path);
    int failing = number == fail_at || (fail_lasting && fail_at && number > fail_at && grows);
    if (failing) errno = fail_number;
    return failing;
}

static int path_fails(const char *call, int folder, const char *path, int grows) {
    char whole[2 * PATH_MAX] = "", link[64], base[PATH_MAX];
    if (log_file < 0) return 0;
    if (path[0] != '/') {
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        ssize_t size = readlink(link, base, sizeof base - 1);
        base[size > 0 ? size : 0] = 0;
        snprintf(whole, sizeof whole, "%s/%s", base, path);
        path = whole;
    }
    return fails(call, path, grows);
}

static int fd_fails(const char *call, int fd, int grows) {
    char link[64], path[PATH_MAX];
    if (log_file < 0 || fd == log_file) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size <= 0) return 0;
    path[size] = 0;
    return fails(call, path, grows);
}

#define REAL(result, name, ...) result (*real)(__VA_ARGS__) = dlsym(RTLD_NEXT, #name)
#define BY_FD(result, name, declared, given, types, grows)                 \
    result name declared {                                                 \
        REAL(result, name, types);                                         \
        return fd_fails(#name, fd, grows) ? -1 : real given;               \
    }
#define COMMA ,
BY_FD(ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size), int COMMA const void * COMMA size_t, 1)
BY_FD(ssize_t, pwrite, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at),
      int COMMA const void * COMMA size_t COMMA off_t, 1)
BY_FD(ssize_t, pwrite64, (int fd, const void *from, size_t size, off64_t at), (fd, from, size, at),
      int COMMA const void * COMMA size_t COMMA off64_t, 1)
BY_FD(int, fsync, (int fd), (fd), int, 0)
BY_FD(int, fdatasync, (int fd), (fd), int, 0)
BY_FD(int, ftruncate, (int fd, off_t size), (fd, size), int COMMA off_t, 0)
BY_FD(int, ftruncate64, (int fd, off64_t size), (fd, size), int COMMA off64_t, 0)
BY_FD(ssize_t, sendfile, (int fd, int from, off_t *at, size_t size), (fd, from, at, size),
      int COMMA int COMMA off_t * COMMA size_t, 1)
BY_FD(ssize_t, sendfile64, (int fd, int from, off64_t *at, size_t size), (fd, from, at, size),
      int COMMA int COMMA off64_t * COMMA size_t, 1)

/* NumPy writes arrays with it; a failure is a short count. */
size_t fwrite(const void *from, size_t size, size_t number, FILE *file) {
    REAL(size_t, fwrite, const void *, size_t, size_t, FILE *);
    return fd_fails("fwrite", fileno(file), 1) ? 0 : real(from, size, number, file);
}

#define BY_PATH(name, declared, given, folder, types, grows)               \
    int name declared {                                                    \
        REAL(int, name, types);                                            \
        return path_fails(#name, folder, path, grows) ? -1 : real given;   \
    }
BY_PATH(mkdir, (const char *path, mode_t mode), (path, mode), AT_FDCWD, const char * COMMA mode_t, 1)
BY_PATH(mkdirat, (int at, const char *path, mode_t mode), (at, path, mode), at, int COMMA const char * COMMA mode_t, 1)
BY_PATH(rmdir, (const char *path), (path), AT_FDCWD, const char *, 0)
BY_PATH(unlink, (const char *path), (path), AT_FDCWD, const char *, 0)
BY_PATH(unlinkat, (int at, const char *path, int flags), (at, path, flags), at, int COMMA const char * COMMA int, 0)
BY_PATH(rename, (const char *from, const char *path), (from, path), AT_FDCWD, const char * COMMA const char *, 0)
BY_PATH(chmod, (const char *path, mode_t mode), (path, mode), AT_FDCWD, const char * COMMA mode_t, 0)
BY_PATH(fchmodat, (int at, const char *path, mode_t mode, int flags), (at, path, mode, flags), at,
        int COMMA const char * COMMA mode_t COMMA int, 0)

#define WRITES(flags) (((flags) & O_ACCMODE) != O_RDONLY || ((flags) & (O_CREAT | O_TRUNC)))
#define OPEN(name)                                                                          \
    int name(const char *path, int flags, ...) {                                            \
        REAL(int, name, const char *, int, ...);                                            \
        va_list rest;                                                                       \
        va_start(rest, flags);                                                              \
        mode_t mode = va_arg(rest, mode_t);                                                 \
        va_end(rest);                                                                       \
        if (WRITES(flags) && path_fails(#name, AT_FDCWD, path, flags & O_CREAT)) return -1; \
        return real(path, flags, mode);                                                     \
    }
OPEN(open)
OPEN(open64)
