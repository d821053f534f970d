"""The components of a viewer, laid out the same in every tab."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from webui.protocol import MediaLimits
from webui.ui.i18n.labels import Labels
from webui.ui.tab_specs import TabSpec
from webui.ui.theme import script_tag


@dataclass(frozen=True, slots=True)
class ViewerComponents:
    """`refused` shows files that are too large, `sheet` the pages, `about` what a model takes."""

    picker: gr.Radio
    pages: gr.Textbox
    frames: gr.Slider
    start: gr.Number
    end: gr.Number
    refused: gr.HTML
    cost: gr.HTML
    sheet: gr.HTML
    about: gr.HTML

    @property
    def controls(self) -> list[gr.components.Component]:
        """The components whose values make a Selection, in the order of `selection_of`."""
        return [self.pages, self.frames, self.start, self.end]

    @property
    def outputs(self) -> list[gr.components.Component]:
        return [self.picker, *self.controls, self.refused, self.cost, self.sheet]


def viewer_components(labels: Labels, limits: MediaLimits, spec: TabSpec) -> ViewerComponents:
    """Lay the viewer of a tab out."""
    picker = gr.Radio([], visible=False, elem_classes="picker")
    with gr.Row(elem_classes="choose"):
        pages = gr.Textbox(visible=False, max_lines=1, scale=2, elem_classes="pages")
        # The value 1 is in the range of every model: Gradio refuses events with a value above the
        # maximum, which later becomes that of the chosen model.
        frames = gr.Slider(1, limits.max_frames, 1, step=1, visible=False, scale=2, buttons=[])
        start = gr.Number(0, minimum=0, visible=False, min_width=80)
        end = gr.Number(None, minimum=0, visible=False, min_width=80)
    components = ViewerComponents(
        picker,
        pages,
        frames,
        start,
        end,
        refused=gr.HTML(
            "",
            elem_classes="refused",
            head=script_tag(),
            js_on_load="chatPage.guardUploads(element, props, trigger)",
            max_file_bytes=limits.max_file_bytes,
            file_filter=spec.file_filter,
        ),
        cost=gr.HTML(),
        sheet=gr.HTML(elem_classes="viewer"),
        about=gr.HTML(elem_classes="invitation"),
    )
    labels.add(picker, label="file")
    labels.add(frames, label="frames")
    labels.add(start, label="from")
    labels.add(end, label="to")
    return components
