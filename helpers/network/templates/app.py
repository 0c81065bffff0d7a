"""A page that classifies a photo: python app.py, or a Hugging Face Space."""

import gradio as gr
from PIL import Image
from use_it import classify

NONE = "none of these"


def predict(photo: Image.Image | None) -> tuple[str, dict[str, float] | None]:
    """Return the class of a photo, or NONE, and all probabilities."""
    if photo is None:
        return "", None
    probabilities, accepted = classify(photo)
    likely = max(probabilities, key=lambda name: probabilities[name])
    return likely if accepted else NONE, probabilities


page = gr.Interface(
    predict,
    gr.Image(type="pil", image_mode=None, label="Photo"),
    [
        gr.Textbox(label="Class"),
        gr.Label(label="Probabilities", num_top_classes=5, show_heading=False),
    ],
    title="Classify a photo",
    flagging_mode="never",
    analytics_enabled=False,
)

if __name__ == "__main__":
    page.launch()
