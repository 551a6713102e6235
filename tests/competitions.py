"""Miniatures of image classification competitions, generated: one per way in which files are delivered.

`write("cifar-10", folder)` writes the files and returns what a test may expect of them.

Usage: python -m tests.competitions NAME FOLDER
"""

import sys
from collections.abc import Callable
from pathlib import Path

from tests.miniatures import in_csv, in_folders, in_pixel_text, in_tables, in_wide_tables
from tests.miniatures.files import Miniature, Size

WRITERS: dict[str, Callable[[Path, Size], Miniature]] = {
    "digit-recognizer": in_csv.digit_recognizer,
    "kannada-mnist": in_csv.kannada_mnist,
    "fashion-mnist": in_csv.fashion_mnist,
    "sign-language-mnist": in_csv.sign_language_mnist,
    "a-z-handwritten": in_csv.a_z_handwritten,
    "emnist": in_csv.emnist,
    "ham10000": in_csv.ham10000,
    "fer2013": in_pixel_text.fer2013,
    "fer2013-two-files": in_pixel_text.fer2013_two_files,
    "cifar-10": in_tables.cifar_10,
    "aerial-cactus": in_tables.aerial_cactus,
    "histopathologic": in_tables.histopathologic,
    "cassava": in_tables.cassava,
    "plant-pathology": in_wide_tables.plant_pathology,
    "leaf-classification": in_wide_tables.leaf_classification,
    "dog-breed": in_wide_tables.dog_breed,
    "invasive-species": in_tables.invasive_species,
    "aptos": in_tables.aptos,
    "siim-isic": in_tables.siim_isic,
    "dogs-vs-cats": in_folders.dogs_vs_cats,
    "dogs-vs-cats-redux": in_folders.dogs_vs_cats_redux,
    "plant-seedlings": in_folders.plant_seedlings,
    "paddy": in_folders.paddy,
    "state-farm": in_folders.state_farm,
}


def write(
    name: str, folder: Path, *, train: int = 400, test: int = 200, seed: int = 0, zipped: bool = False
) -> Miniature:
    """Write a miniature competition into `folder`, which is made if there is none.

    Args:
        name: key of WRITERS.
        folder: receives the files, or the one zip.
        train: number of training images; emnist needs about 700.
        test: number of test images.
        seed: of all that is drawn; the files of two calls are equal.
        zipped: write one zip as Kaggle delivers it, with inner zips where Kaggle has them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return WRITERS[name](folder, Size(train, test, seed, zipped))


if __name__ == "__main__":
    _, chosen, place = sys.argv
    print(write(chosen, Path(place), zipped=True).source)  # noqa: T201 - the output of this command
