"""The page of `start.py app`: predictions, Grad-CAM, wrong labels."""

import hashlib
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from helpers import stats
from helpers.dataset import corrections, decoding, photo_file, scan, tree
from helpers.network import gradcam, saving
from helpers.paths import WriteError, shown
from helpers.plots import evaluation
from helpers.surfaces import ground_truth
from helpers.text import markdown, one_line

AVERAGE = keras.layers.GlobalAveragePooling2D
HELP = """# Classify photos

Drop photos, choose them, or take one with the camera. The model {model} knows
these classes: {classes}. Photos stay on the computer that runs this page, and
only until it is stopped."""
HOW = (
    "To list wrong labels of a folder, start the app with --photos FOLDER. To "
    "train with this photo, put it into the folder {label} of your photos, "
    "and run retrain."
)
# A screen reader reads the status aloud when it changes.
SCRIPT = """() => {
    const status = document.getElementById("status");
    status.setAttribute("role", "status");
    status.setAttribute("aria-live", "polite");
}"""
CSS = "#status {font-size: 1.1rem} #status b {font-size: 1.4rem}"


@dataclass(frozen=True)
class Answer:
    """What is said about a file, in a line and in more words.

    `pixels` are uint8 (299, 299, 3), and `probs` float32 (classes,); both are
    None for a file that is no photo.
    """

    line: str
    more: str
    sha256: str = ""
    pixels: NDArray[np.uint8] | None = None
    probs: NDArray[np.float32] | None = None


class Classifier:
    """A saved classifier.

    Raises:
        ValueError: the file is missing, damaged or not from a lesson.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model, self.metadata = saving.load(path)
        layers = self.model.layers
        while not any(isinstance(layer, AVERAGE) for layer in layers):
            if not isinstance(layers[-1], keras.Model):
                raise ValueError(
                    f"{path}: it does not average over positions before its "
                    "head; load a classifier that a lesson saved."
                )
            layers = [*layers[:-1], *layers[-1].layers[1:]]  # a nested end
        *lower, self.upper, self.average, self.head = layers
        self.lower = lower[1:]

    def answer(self, path: Path) -> Answer:
        """Return the prediction for a file, or why it is not used."""
        name = one_line(photo_file.printed(path.name))
        try:
            content = photo_file.read_bytes(path)
            picture = photo_file.read(content, path.name)
        except decoding.UnusableError as error:
            return Answer(f"{name}: {error.problem}.", error.advice)
        pixels = decoding.resize(picture.pixels, self.metadata.shape)
        probs = self.model.predict_on_batch(pixels[None])
        (probs,) = stats.with_temperature(probs, self.metadata.temperature)
        likely = one_line(self.metadata.class_names[probs.argmax()])
        likely = f"{likely}, {probs.max():.1%}"
        if probs.max() < self.metadata.threshold:
            likely = f"none of these (most likely {likely})"
        notes = [f"Note: {what}. {advice}" for what, advice in picture.notes]
        sha256 = hashlib.sha256(content).hexdigest()
        line, more = f"{name}: {likely}", " ".join(notes)
        return Answer(line, more, sha256, pixels, probs)

    def heatmap(self, answer: Answer) -> tuple[NDArray[np.uint8], str]:
        """Return a photo under its Grad-CAM, and a sentence on it."""
        assert answer.pixels is not None and answer.probs is not None
        chosen = answer.probs.argmax()
        features = np.float32(answer.pixels[None])
        for layer in self.lower:
            features = layer(features)
        (small,) = gradcam.heatmaps(
            self.upper, self.average, self.head, features, [chosen]
        )
        heat = ground_truth.blown_up(small)
        likely = one_line(self.metadata.class_names[chosen])
        sentence = f"Grad-CAM: bright is evidence for {likely}."
        return evaluation.overlay(answer.pixels, heat), sentence


class Labels:
    """The labels of a folder of photos, of which wrong ones are listed.

    Raises:
        ValueError: the folder can't be used.
    """

    def __init__(self, folder: str, *options: Any) -> None:
        checked = scan.check(folder, *options)
        self.folder, self.class_names = checked.path, checked.class_names
        self.photos = {photo.sha256: photo for photo in checked.photos}

    def of(self, answer: Answer) -> str:
        """Return a sentence on the label of a photo of the folder, or ""."""
        photo = self.photos.get(answer.sha256)
        if photo is None:
            return ""
        name, label = one_line(photo.name), one_line(photo.class_name)
        return f"In {self.folder.name} it is {name}, with the label {label}."

    def correct(self, answer: Answer, label: str) -> str:
        """List the class of a photo; return a sentence on that."""
        photo = self.photos.get(answer.sha256)
        if photo is None:
            return (
                f"This photo is not among those of {self.folder.name}: to "
                f"train with it, put it into {shown(self.folder / label)}, "
                "and run retrain."
            )
        try:
            corrections.note(self.folder, photo.name, label, photo.class_name)
            listed = photo.name in corrections.noted(self.folder)
        except (ValueError, WriteError) as error:
            return str(error)
        name, label = one_line(photo.name), one_line(label)
        if not listed:
            return f"{name} keeps its label {label}."
        path = shown(corrections.path(self.folder))
        return (
            f"{name} is listed as {label} in {path}. In a notebook, "
            "dataset.corrections.apply(FOLDER) applies this list."
        )


def correct_label(
    labels: Labels | None, answer: Answer, label: str | None
) -> str:
    """List the class of a photo, or return what to do instead."""
    if label is None:
        return "Choose the class first."
    if labels is None:
        return HOW.format(label=one_line(label))
    return labels.correct(answer, label)


def build(classifier: Classifier, labels: Labels | None) -> Any:
    """Return the page, a `gradio.Blocks`."""
    import gradio as gr

    names = classifier.metadata.class_names
    classes = labels.class_names if labels else names

    def take(paths: Sequence[str] | None):
        answers = [classifier.answer(Path(path)) for path in paths or []]
        first = 0 if answers else None
        lines = [(answer.line, i) for i, answer in enumerate(answers)]
        radio = gr.Radio(lines, value=first, visible=len(answers) > 1)
        return answers, radio, *show(answers, first)

    def take_one(path: str | None):
        return take([path] if path else None)

    def show(answers: list[Answer], index: int | None):
        """Return status, bars, photo, their column and no correct class."""
        if index is None:
            return "", None, None, gr.Column(visible=False), None
        answer = answers[index]
        bars, words = None, [answer.more]
        if answer.probs is not None:
            bars = dict(zip(names, answer.probs.tolist(), strict=True))
            words += [labels.of(answer)] if labels else []
        column = gr.Column(visible=bars is not None)
        # No class is chosen: a click on the button alone would note it.
        return _status(answer, *words), bars, answer.pixels, column, None

    def explain(answers: list[Answer], index: int):
        picture, sentence = classifier.heatmap(answers[index])
        return picture, _status(answers[index], sentence)

    def correct(answers: list[Answer], index: int, label: str | None):
        answer = answers[index]
        return _status(answer, correct_label(labels, answer, label))

    with gr.Blocks(title="Classify photos", analytics_enabled=False) as page:
        model = markdown(str(shown(classifier.path)))
        known = markdown(tree.listed(names))
        gr.Markdown(HELP.format(model=model, classes=known))
        answers = gr.State([])
        with gr.Row():
            with gr.Column():
                with gr.Tab("Photos"):
                    files = gr.File(
                        label="Photos", file_count="multiple", height=160
                    )
                with gr.Tab("Camera"):
                    camera = gr.Image(
                        label="Camera", sources=["webcam"], type="filepath"
                    )
                chosen = gr.Radio([], label="Photo", visible=False)
            with gr.Column():
                status = gr.HTML(elem_id="status")
                with gr.Column(visible=False) as column:
                    bars = gr.Label(
                        label="Probabilities",
                        num_top_classes=5,
                        show_heading=False,
                    )
                    photo = gr.Image(
                        label="The photo, as the model sees it",
                        alt_text="The photo, as the model sees it",
                        interactive=False,
                        buttons=[],
                    )
                    look = gr.Button("Show Grad-CAM")
                    truth = gr.Dropdown(classes, label="Correct class")
                    wrong = gr.Button("Note this class")
        result = [status, bars, photo, column, truth]
        both = [answers, chosen]
        # Over the status, the seconds that pass would be read aloud.
        for event, function, inputs, outputs, over in (
            (files.change, take, files, [*both, *result], files),
            (camera.change, take_one, camera, [*both, *result], camera),
            (chosen.input, show, both, result, chosen),
            (look.click, explain, both, [photo, status], photo),
            (wrong.click, correct, [*both, truth], status, truth),
        ):
            event(function, inputs, outputs, show_progress_on=over)
    return page


def _status(answer: Answer, *words: str) -> str:
    """Return what is said about a file, as HTML."""
    line, more = html.escape(answer.line), html.escape(" ".join(words))
    return f"<b>{line}</b><br> {more}"
