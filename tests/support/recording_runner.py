"""Runners that record their passes, and a memory meter that plays numbers."""

from tiny import tiny_model

from webui.engine.execution.model_runner import ModelRunner


class RecordingRunner(ModelRunner):
    """Records chunks as (start, end, image tokens), and decode steps as lists of lengths."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.chunks, self.steps = [], []

    def prefill(self, sequences, tokens):
        start = sequences[0].prefilled
        results = super().prefill(sequences, tokens)
        pinned = sum(len(features) for features in sequences[0].features.values())
        self.chunks.append((start, sequences[0].prefilled, pinned))
        return results

    def decode(self, sequences):
        self.steps.append([sequence.length for sequence in sequences])
        return super().decode(sequences)


class FakeMeter:
    """Plays the peaks of the parts in turn."""

    def __init__(self, peaks=(), free=0):
        self.peaks, self.free, self.starts = list(peaks), free, 0

    def start(self):
        self.starts += 1

    def peak_bytes(self):
        return self.peaks.pop(0)

    def free_bytes(self):
        return self.free


def recording_factory(nano):
    """Return a function from a CachePlan to a RecordingRunner; `made` lists what it returned."""
    model, made = tiny_model(nano.runner.model), []

    def make(plan):
        made.append(RecordingRunner(model, nano.runner.processor, plan, chunk_tokens=64))
        return made[-1]

    make.made = made
    return make
