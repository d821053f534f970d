"""Why a model could not be loaded, in the reader's language: known by how the engine words it."""

from __future__ import annotations

import re

# (how the engine words it, in English without what only a log wants, in Chinese), the first that fits; what is in the
# groups stays as it is.
KNOWN = (
    (
        r"the hub cannot be reached \(.*\)\..*",
        "the hub cannot be reached. Check the network, or give a folder.",
        "连不上模型库。请检查网络，或改用本地文件夹。",
    ),
    (
        r"the hub has no model (?P<source>\S+), or .*",
        "the hub has no model {source}, or it needs a token (HF_TOKEN).",
        "模型库里没有 {source}，或者需要令牌（HF_TOKEN）。",
    ),
    (
        r"its files need (?P<needed>\S+) GB and the disk of (?P<folder>.+) has (?P<free>\S+) GB left\..*",
        "its files need {needed} GB and the disk of {folder} has {free} GB left. Free some space, or set HF_HOME.",
        "文件需要 {needed} GB，而 {folder} 所在的磁盘只剩 {free} GB。请腾出空间，或设置 HF_HOME。",
    ),
    (
        r"the disk of (?P<folder>.+) is full\..*",
        "the disk of {folder} is full. Free some space, or set HF_HOME.",
        "{folder} 所在的磁盘已满。请腾出空间，或设置 HF_HOME。",
    ),
    (
        r"no memory is left for a conversation of (?P<count>\S+) tokens\..*",
        "no memory is left for a conversation of {count} tokens. "
        "Use --quantization 4bit or a smaller --context-length.",
        "内存不够容纳 {count} 个词元的对话。请用 --quantization 4bit，或减小 --context-length。",
    ),
    (
        r"its weights take (?P<needed>\S+) GB of memory and (?P<free>\S+) GB are free on (?P<device>.+)\. Use a .*",
        "its weights take {needed} GB of memory and {free} GB are free on {device}. "
        "Use a smaller model, or free some memory.",
        "权重需要 {needed} GB 内存，而 {device} 上只有 {free} GB 可用。请换小一点的模型，或释放内存。",
    ),
    (
        r"its weights take (?P<needed>\S+) GB of memory and (?P<free>\S+) GB are free on (?P<device>.+)\. Use --.*",
        "its weights take {needed} GB of memory and {free} GB are free on {device}. "
        "Use --quantization 4bit, a smaller model, or free some memory.",
        "权重需要 {needed} GB 内存，而 {device} 上只有 {free} GB 可用。"
        "请用 --quantization 4bit、换小一点的模型，或释放内存。",
    ),
    (
        r"the memory of (?P<device>.+) ran out\..*",
        "the memory of {device} ran out. Use --quantization 4bit, or free some memory.",
        "{device} 的内存用完了。请用 --quantization 4bit，或释放内存。",
    ),
    (
        r"--device is (?P<device>\S+) and this machine has (?P<count>\d+) CUDA devices\..*",
        "--device is {device} and this machine has {count} CUDA devices. Use --device cpu or another.",
        "--device 是 {device}，而这台机器有 {count} 个 CUDA 设备。请用 --device cpu 或另一个设备。",
    ),
    (
        r"no CUDA device was found\.?",
        "no CUDA device was found.",
        "没有找到 CUDA 设备。",
    ),
    (
        r"--device is cpu\.?",
        "--device is cpu.",
        "启动时指定了 --device cpu。",
    ),
    (
        r"the NVIDIA driver (?P<driver>\d+) is too old for CUDA (?P<cuda>\S+), which needs (?P<needed>\d+) or .*",
        "the NVIDIA driver {driver} is too old for CUDA {cuda}, which needs {needed} or later. Update the driver, or "
        "install torch 2.8 to 2.10, which are built for CUDA 12.",
        "NVIDIA 驱动 {driver} 对 CUDA {cuda} 来说太旧，需要 {needed} 或更新。"
        "请更新驱动，或安装为 CUDA 12 构建的 torch 2.8 到 2.10。",
    ),
    (
        r"the NVIDIA driver (?P<driver>\d+) is there, but this torch is built without CUDA\..*",
        "the NVIDIA driver {driver} is there, but this torch is built without CUDA. "
        "Install torch as requirements.txt says.",
        "NVIDIA 驱动 {driver} 已安装，但这个 torch 不带 CUDA。请按 requirements.txt 安装 torch。",
    ),
    (
        r"(?P<card>.+) has (?P<free>\S+ GB) free of (?P<total>\S+ GB); (?P<precision>.+) with (?P<slots>\d+) "
        r"conversations? of (?P<tokens>\S+) tokens needs (?P<needed>\S+ GB)\.?",
        "{card} has {free} free of {total}; {precision} with {slots} conversation of {tokens} tokens needs {needed}.",
        "{card} 共 {total}，空闲 {free}；以 {precision} 运行 {slots} 个 {tokens} 词元的对话需要 {needed}。",
    ),
    (
        r"its self-test failed \(.*\)\..*",
        "its self-test failed. Its config or its files do not fit a glm4v checkpoint.",
        "自检失败。它的配置或文件与 glm4v 检查点不符。",
    ),
    (
        r"it stopped (?P<times>\d+) times in a row without an answer, .*",
        "it stopped {times} times in a row without an answer. The log tells why.",
        "它连续 {times} 次在没有给出回答时停止。原因见日志。",
    ),
    (
        r"(?P<reason>.*) Its engine stopped before\. If the GPU .*",
        "{reason} Its engine stopped before. If the GPU is lost to this process, start it again.",
        "{reason} 它的引擎此前已停止。如果本进程已失去 GPU，请重新启动程序。",
    ),
    (
        r"bitsandbytes does not pack to (?P<kind>\S+) here .*",
        "bitsandbytes does not pack to {kind} here; accepted: none.",
        "bitsandbytes 在这里不支持 {kind}；可用：none。",
    ),
    (
        r"its type is (?P<kind>\S+); .*",
        "its type is {kind}; this demo runs glm4v checkpoints.",
        "它的类型是 {kind}；本演示只运行 glm4v 检查点。",
    ),
    (
        r"(?P<folder>.+) has no (?P<files>.+)\. Copy or download .*",
        "{folder} has no {files}. Copy or download the whole checkpoint.",
        "{folder} 里缺少 {files}。请复制或下载完整的检查点。",
    ),
    (
        r"(?P<file>.+) (is damaged|cannot be read|is not a JSON object)( \(.*\))?\. Delete it .*",
        "{file} is damaged. Delete it and download it again.",
        "{file} 已损坏。请删除后重新下载。",
    ),
)
PATTERNS = tuple(
    (re.compile(pattern, re.DOTALL), english, translated) for pattern, english, translated in KNOWN
)


def reason_text(reason: str, *, chinese: bool) -> str:
    """As it came, if nobody has put it into words here."""
    for pattern, english, translated in PATTERNS:
        if found := pattern.fullmatch(reason):
            return (translated if chinese else english).format(**found.groupdict())
    return reason
