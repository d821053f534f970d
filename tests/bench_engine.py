"""Many people at once: this engine beside a thread of model.generate for each person, in one process and one run.

    python tests/bench_engine.py [--model PATH] [--device cpu] [--people 1 8] [--tokens 96] [--repeats 3] [--json FILE]

Every person asks about a picture of their own; decoding is greedy, so both ways write the same text, which is checked.
Prints the median of the repeats: total tokens/s, time to the first text, and the ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from threading import Thread
from time import perf_counter

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402
from transformers import TextIteratorStreamer  # noqa: E402

from webui.engine.catalog import choose  # noqa: E402
from webui.engine.loader import load  # noqa: E402
from webui.engine.local import LocalEngine  # noqa: E402
from webui.protocol import GenerationRequest, ImagePart, Message, SamplingParams  # noqa: E402

COLOURS = ("red", "green", "blue", "orange", "purple", "black", "gray", "pink")


@dataclass
class Run:
    """One way of answering `people` at once."""

    way: str
    people: int
    tokens_per_s: float
    first_text_s: float
    texts: list[str]


def picture(number: int) -> Image.Image:
    image = Image.new("RGB", (224, 224), "white")
    left = 20 + 5 * (number % 8)
    ImageDraw.Draw(image).ellipse((left, left, left + 120, left + 120), fill=COLOURS[number % len(COLOURS)])
    return image


def question(number: int) -> tuple[Message, ...]:
    image = ImagePart(picture(number), "picture", "picture")
    return (Message("user", (image, "What is the colour and the shape? Describe the picture.")),)


def run_threads(model, processor, people: int, tokens: int) -> Run:
    """The usual way: one thread of model.generate with a streamer for each person."""
    texts, counts, firsts = [""] * people, [0] * people, [0.0] * people

    def person(number: int) -> None:
        content = [{"type": "image", "image": picture(number)}, {"type": "text", "text": question(number)[0].text}]
        inputs = processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        ).to(model.device)
        streamer = TextIteratorStreamer(processor.tokenizer, skip_prompt=True, skip_special_tokens=False)
        outputs = []
        arguments = {"max_new_tokens": tokens, "do_sample": False, "streamer": streamer}
        thread = Thread(target=lambda: outputs.append(model.generate(**inputs, **arguments)))
        thread.start()
        for text in streamer:
            firsts[number] = firsts[number] or perf_counter() - start
            texts[number] += text
        thread.join()
        counts[number] = outputs[0].shape[1] - inputs["input_ids"].shape[1]

    start = perf_counter()
    threads = [Thread(target=person, args=(number,)) for number in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = perf_counter() - start
    return Run("thread of model.generate each", people, sum(counts) / seconds, median(firsts), texts)


def run_engine(engine: LocalEngine, people: int, tokens: int) -> Run:
    sampling = SamplingParams(temperature=0, repetition_penalty=1.0, max_tokens=tokens)

    async def person(number: int) -> tuple[str, int, float]:
        text, first = "", 0.0
        async for delta in engine.generate(GenerationRequest(question(number), sampling, str(number))):
            text += delta.reasoning + delta.content
            first = first or (text and perf_counter() - start) or 0.0
        assert delta.usage is not None
        return text, delta.usage.completion_tokens, first

    async def everybody() -> list[tuple[str, int, float]]:
        return await asyncio.gather(*map(person, range(people)))

    start = perf_counter()
    answers = asyncio.run(everybody())
    seconds = perf_counter() - start
    texts, counts, firsts = zip(*answers, strict=True)
    return Run("this engine", people, sum(counts) / seconds, median(firsts), list(texts))


def letters(text: str) -> str:
    """A text without tags and spaces: the engine's is parsed, the other is raw."""
    for tag in ("<think>", "</think>", "<answer>", "</answer>", "<|user|>", "<|endoftext|>"):
        text = text.replace(tag, "")
    return "".join(text.split())


def same(engine_run: Run, threads_run: Run) -> bool:
    return [letters(text) for text in engine_run.texts] == [letters(text) for text in threads_run.texts]


def middle(runs: list[Run]) -> Run:
    return sorted(runs, key=lambda run: run.tokens_per_s)[len(runs) // 2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--people", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    choice = choose(options.model, "none", 0, ROOT / "assets" / "glm4v-nano")
    loaded = load(choice, options.device, 0, 0, lambda progress: None)
    model, processor = loaded.runner.model, loaded.runner.processor
    print(f"{loaded.info.name} on {loaded.device}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{'people':>6}  {'way':<30} {'tokens/s':>9} {'first text':>11}  {'ratio':>6}  same text")
    rows = []
    for people in options.people:
        engine = LocalEngine(loaded.runner)
        pairs = [
            (run_threads(model, processor, people, options.tokens), run_engine(engine, people, options.tokens))
            for _ in range(options.repeats)
        ]
        engine.close()
        threads_run, engine_run = middle([pair[0] for pair in pairs]), middle([pair[1] for pair in pairs])
        ratio = median(ours.tokens_per_s / theirs.tokens_per_s for theirs, ours in pairs)
        for run, note in ((threads_run, ""), (engine_run, f"{ratio:6.1f}  {same(engine_run, threads_run)}")):
            print(f"{people:>6}  {run.way:<30} {run.tokens_per_s:9.0f} {run.first_text_s:9.2f} s  {note}")
            rows.append(asdict(run) | {"ratio": ratio})
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
