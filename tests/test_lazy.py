import subprocess
import sys


def test_a_module_is_imported_with_its_first_attribute() -> None:
    code = (
        "import sys; from kit.lazy import LazyModule; colors = LazyModule('colorsys'); "
        "before = 'colorsys' in sys.modules; value = colors.rgb_to_hsv(1, 0, 0); "
        "print(before, value, 'colorsys' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False (0.0, 1.0, 1) True\n"
