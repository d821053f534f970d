"""Chinese: every text of the page."""

from __future__ import annotations

from webui.ui.i18n.language import Language

TEXTS: dict[str, str] = {
    "title": "GLM-4.1V Thinking",
    "language": "语言",
    "theme": "主题",
    "theme_system": "跟随系统",
    "theme_light": "浅色",
    "theme_dark": "深色",
    "close": "关闭",
    "keys": "快捷键",
    "key_send": "发送消息",
    "key_break": "在消息中换行",
    "key_stop": "停止回答，或关闭打开的窗口",
    "key_next": "下一个控件；按 Enter 可放大图片",
    "key_list": "显示此列表",
    "left": "还剩 {time}",
    "minutes": "{minutes} 分钟",
    "sign_in": "登录",
    "user_name": "用户名",
    "password": "密码",
    "wrong_password": "用户名或密码不对。",
    "state_loading": "加载中",
    "state_ready": "就绪",
    "state_unloaded": "未加载，发送下一条消息时加载",
    "state_failed": "失败",
    "model": "模型",
    "memory": "内存 {size}",
    "bundled_title": "现在由内置的小模型回答。",
    "bundled_text": (
        "它认识简单图形、一个词的大写标题、柱状图、一个物体移动的短视频和小的加减法，会出错。"
        "在 12 GB 以上显存的 GPU 上运行 9B 模型：{command}。"
    ),
    "notice_title": "现在由另一个模型回答。",
    "dismiss": "知道了",
    "tab_thinking": "思考",
    "tab_chat": "对话",
    "tab_image": "图片",
    "tab_video": "视频",
    "tab_pdf": "PDF",
    "tab_ppt": "PPT",
    "empty_thinking": "就图片、视频、PDF 或幻灯片提问，并看到推理过程。",
    "empty_chat": "用文字提问。",
    "empty_image": "添加一张或多张图片，问问里面有什么。",
    "empty_video": "添加一段视频，问问发生了什么。",
    "empty_pdf": "添加 PDF，选择页码，然后提问。",
    "empty_ppt": "添加幻灯片文件，选择幻灯片，然后提问。",
    "ask_thinking": "随便问，或把文件拖到这里",
    "ask_chat": "输入消息",
    "ask_image": "就图片提问，或把图片拖到这里",
    "ask_video": "就视频提问，或把视频拖到这里",
    "ask_pdf": "就页面提问，或把 PDF 拖到这里",
    "ask_ppt": "就幻灯片提问，或把文件拖到这里",
    "composer": "消息",
    "conversation": "对话内容",
    "new_line": "回到末尾 · 1 行新内容",
    "new_lines": "回到末尾 · {count} 行新内容",
    "new_chat": "新对话",
    "retry": "重试",
    "copy": "复制回答",
    "copied": "已复制",
    "copy_failed": "未能复制：请手动选择文字",
    "you_sent": "另有 {count} 张",
    "phase_loading": "正在加载模型",
    "phase_converting": "正在转换 {name}",
    "phase_queued": "排队中",
    "phase_prefill": "正在阅读",
    "phase_thinking": "正在思考",
    "phase_answering": "正在回答",
    "phase_stopping": "正在停止",
    "of": "{done}/{total}",
    "ahead": "前面还有 {count} 个",
    "next": "下一个就是你",
    "seconds": "{seconds} 秒",
    "tokens": "{count} 个词元",
    "speed": "{rate} 词元/秒",
    "first_token": "首词元 {seconds}",
    "thinking": "正在思考",
    "thought": "思考了 {seconds}",
    "thinking_level": "思考",
    "think_off": "关闭",
    "think_short": "简短",
    "think_normal": "标准",
    "think_long": "深入",
    "answer_now": "立即回答",
    "no_thought": "直接回答",
    "cut_budget": "思考在 {count} 个词元处截断",
    "cut_requested": "应要求提前回答",
    "cut_repetition": "思考开始重复，已结束",
    "stopped": "已停止",
    "length": "已达到 {limit} 个词元的上限",
    "answered": "回答已完成",
    "no_answer": "没有写出回答。",
    "error": "没有成功",
    "text_only": "仅限文字",
    "kind_image": "图片",
    "kind_video": "视频",
    "kind_document": "PDF、PPT、PPTX",
    "kind_pdf": "PDF",
    "kind_ppt": "PPT、PPTX",
    "file": "文件",
    "pages": "页码",
    "pages_hint": "全部页面，或例如 1-5, 9",
    "slides": "幻灯片",
    "slides_hint": "全部幻灯片，或例如 1-5, 9",
    "frames": "帧数",
    "from": "开始（秒）",
    "to": "结束（秒）",
    "page_n": "第 {number} 页",
    "slide_n": "第 {number} 张",
    "cost_pages": "{count} 页中的 {chosen} 页",
    "cost_slides": "{count} 张幻灯片中的 {chosen} 张",
    "cost_frames": "{chosen} 帧",
    "cost_image": "{width} × {height} 像素",
    "cost_tokens": "{tokens} / {limit} 个词元",
    "fitted": "已缩小以放得下；原大小需要 {tokens} 个词元。",
    "drawn_without_office": "本机没有安装 LibreOffice：幻灯片以简化方式绘制，可能缺少图表或效果。",
    "viewer_thinking": "模型将看到的内容会显示在这里。",
    "viewer_image": "模型看到的图片会显示在这里。",
    "viewer_video": "模型看到的视频帧会显示在这里。",
    "viewer_pdf": "模型阅读的页面会显示在这里。",
    "viewer_ppt": "模型阅读的幻灯片会显示在这里。",
    "in_conversation": "本次对话中",
    "about_model": "谁在回答",
    "about_context": "一次最多阅读 {count} 个词元",
    "about_media": "其中页面和视频帧最多占 {count} 个",
    "about_frames": "视频最多取 {count} 帧",
    "about_pages": "一次最多 {count} 页",
    "about_size": "文件最大 {size}",
    "example_circle": "这个图形是什么颜色？",
    "example_count": "有几个正方形？",
    "example_sign": "上面写了什么？",
    "example_tallest": "哪根柱子最高？",
    "example_moving": "移动的图形是什么颜色？",
    "example_moving_shape": "移动的是什么形状？",
    "example_direction": "它向哪里移动？",
    "example_headline": "第 2 页的标题是什么？",
    "example_last_headline": "第 3 页的标题是什么？",
    "example_page_count": "有几页？",
    "example_slide_title": "第2张幻灯片的标题是什么？",
    "example_first_title": "第1张幻灯片的标题是什么？",
    "example_slide_count": "有几张幻灯片？",
    "example_who": "你是谁？",
    "example_sum": "47 + 38 等于多少？",
    "example_hello": "你好！",
    "settings": "设置",
    "system_prompt": "系统提示词",
    "system_prompt_hint": "模型在每次回答时都应记住的话。",
    "temperature": "温度",
    "temperature_hint": "0 总取最可能的词；越高变化越多。",
    "top_p": "Top-p",
    "top_p_hint": "只保留累计概率到此的词；1 表示全部。",
    "top_k": "Top-k",
    "top_k_hint": "只保留最可能的几个词；0 表示全部。",
    "repetition_penalty": "重复惩罚",
    "repetition_penalty_hint": "大于 1 时更少重复。",
    "max_tokens": "最长回答",
    "max_tokens_hint": "词元数，思考也计算在内。",
    "thinking_budget": "思考预算",
    "thinking_budget_hint": "词元数；0 直接回答，最右端不限。",
    "seed": "随机种子",
    "seed_hint": "填数字可让回答可重复；0 则不固定。",
}

ERRORS: dict[str, str] = {
    "SettingsError": "{name} 的值是 {value!r}；可接受：{accepted}。",
    "AttachmentError": "{name} 无法读取。",
    "UnsupportedTypeError": "{name} 的类型在这里无法读取。可接受：{accepted}。",
    "MisplacedFileError": "{name} 在这个标签页里无法读取；请用另一个标签页。",
    "MisplacedPictureError": "{name} 是图片，请在“图片”标签页中添加。",
    "MisplacedVideoError": "{name} 是视频，请在“视频”标签页中添加。",
    "MisplacedPDFError": "{name} 是 PDF，请在“PDF”标签页中添加。",
    "MisplacedSlidesError": "{name} 是幻灯片，请在“PPT”标签页中添加。",
    "PasswordProtectedError": "{name} 有密码保护。请去掉密码后重新添加。",
    "DamagedFileError": "{name} 已损坏，或内容与名称不符。请用其他软件打开并另存后再试。",
    "NoPagesError": "{name} 可以打开，但里面没有页面或画面。请换一个文件。",
    "TooManyPagesError": (
        "{name} 选了 {pages} 页；一次最多读 {limit} 页。请选择范围，例如 1-{limit}。"
    ),
    "TooManySlidesError": (
        "{name} 选了 {pages} 张幻灯片；一次最多读 {limit} 张。请选择范围，例如 1-{limit}。"
    ),
    "PageRangeError": "页码范围 {value!r} 不适合 {name}（共 {pages} 页）。请写成 1-5, 9 这样。",
    "SlideRangeError": (
        "幻灯片范围 {value!r} 不适合 {name}（共 {pages} 张）。请写成 1-5, 9 这样。"
    ),
    "TimeRangeError": "{name} 长 {duration} 秒；开始须早于结束，且都在 0 到 {duration} 之间。",
    "TooLargeError": "{name} 需要 {size}；最多可读 {limit}。请缩小后重新添加。",
    "TooSlowError": "读取 {name} 超过 {limit_s} 秒，已停止。请换小一点的文件或少选几页。",
    "RequestError": "{reason}",
    "UnsupportedFieldError": "不支持字段 {field!r}。请去掉它。",
    "InvalidFieldError": "字段 {field!r} 的值是 {value!r}；可接受：{accepted}。",
    "MixedMediaError": "图片和视频不能放在同一个对话里：模型没有这样训练过。请开始新对话。",
    "ContextLengthError": (
        "这个对话至少需要 {tokens} 个词元；模型最多读 {limit} 个。请少选几页或几帧、缩短文字，"
        "或开始新对话。"
    ),
    "QueueFullError": "已有 {waiting} 个请求在等待，暂不再接受。请一分钟后再试。",
    "AccessError": "{reason}",
    "LoginError": "用户名或密码不对。程序请把 USER:PASSWORD 作为 API key 发送。",
    "TooManyAttemptsError": "密码错误次数太多。请在 {wait_s} 秒后再试。",
    "UploadQuotaError": (
        "每位访客最多可保存 {limit} 的文件，加上这个文件就会超过。"
        "文件会在添加数小时后删除，请稍后再添加，或改用较小的文件。"
    ),
    "StorageFullError": (
        "所有访客合计最多可保存 {limit} 的文件，加上这个文件就会超过。"
        "文件会在添加数小时后删除，请稍后再添加，或改用较小的文件。"
    ),
    "ModelError": "{reason}",
    "ModelNotReadyError": "{model} 还在加载。请稍后再试。",
    "ModelLoadError": "{model} 无法加载：{reason}",
    "DeviceMemoryError": "回答时设备内存不足。请少选几页，或让回答短一些。",
    "NumericalError": (
        "模型对下一个词的评分不是有限的数，回答到此为止。请再试一次；如果再次出现，"
        "请开始新对话或换一种量化方式。"
    ),
    "EngineStoppedError": "模型在回答时停止了（{reason}）。请再试一次。",
}

REASONS: dict[str, str] = {
    "Unexpected": "{text}",
    "HubUnreachable": "连不上模型库。请检查网络，或改用本地文件夹。",
    "NotOnHub": "模型库里没有 {source}，或者需要令牌（HF_TOKEN）。",
    "DiskTooSmall": (
        "文件需要 {needed_gb:.1f} GB，而 {folder} 所在的磁盘只剩 {free_gb:.1f} GB。请腾出空间，"
        "或设置 HF_HOME。"
    ),
    "FilesTooLarge": "文件需要 {needed_gb:.1f} GB，而磁盘只剩 {free_gb:.1f} GB。",
    "DiskFull": "{folder} 所在的磁盘已满。请腾出空间，或设置 HF_HOME。",
    "MissingFiles": "{folder} 里缺少 {files}。请复制或下载完整的检查点。",
    "DamagedFile": "{file} 已损坏。请删除后重新下载。",
    "UnreadableFile": "{file} 已损坏。请删除后重新下载。",
    "WrongModelType": "它的类型是 {model_type}；本演示只运行 {accepted} 检查点。",
    "FilesDisagree": (
        "{file} 中 {field} 为 {found}，而按 {source} 应为 {expected}。请使用同一检查点的文件。"
    ),
    "MisplacedField": "{file} 把 {field} 放在顶层，那里不会被读取。请移到 {place} 中。",
    "MissingTokens": "{file} 中没有 {tokens}。请使用同一检查点的文件。",
    "SelfTestFailed": "自检失败。它的配置或文件与 {model_type} 检查点不符。",
    "CannotPack": "bitsandbytes 在这里不支持 {quantization}；可用：none。",
    "WeightsTooLarge": (
        "权重需要 {needed_gb:.1f} GB 内存，而 {device} 上只有 {free_gb:.1f} GB 可用。"
        "请用 --quantization 4bit、换小一点的模型，或释放内存。"
    ),
    "PackedWeightsTooLarge": (
        "权重需要 {needed_gb:.1f} GB 内存，而 {device} 上只有 {free_gb:.1f} GB 可用。"
        "请换小一点的模型，或释放内存。"
    ),
    "NoMemoryForConversation": (
        "内存不够容纳 {tokens:,} 个词元的对话。请用 --quantization 4bit，或减小 --context-length。"
    ),
    "DeviceOutOfMemory": "{device} 的内存用完了。请用 --quantization 4bit，或释放内存。",
    "CardTooSmall": (
        "{card} 共 {total_gb:.1f} GB，空闲 {free_gb:.1f} GB；"
        "以 {precision} 运行 {slots} 个 {tokens:,} 词元的对话需要 {needed_gb:.1f} GB。"
    ),
    "NoSuchDevice": (
        "--device 是 {device}，而这台机器有 {count} 个 CUDA 设备。请用 --device cpu 或另一个设备。"
    ),
    "NoCudaDevice": "没有找到 CUDA 设备。",
    "CpuChosen": "启动时指定了 --device cpu。",
    "DriverTooOld": (
        "NVIDIA 驱动 {driver} 对 CUDA {cuda} 来说太旧，需要 {needed} 或更新。请更新驱动，"
        "或安装为 CUDA 12 构建的 torch 2.8 到 2.10。"
    ),
    "TorchWithoutCuda": (
        "NVIDIA 驱动 {driver} 已安装，但这个 torch 不带 CUDA。请按 requirements.txt 安装 torch。"
    ),
    "StoppedRepeatedly": "它连续 {times} 次在没有给出回答时停止。原因见日志。",
    "EngineStoppedBefore": "{reason} 它的引擎此前已停止。如果本进程已失去 GPU，请重新启动程序。",
    "EngineClosed": "它已关闭",
}

CHINESE = Language(
    code="zh",
    name="中文",
    texts=TEXTS,
    errors=ERRORS,
    reasons=REASONS,
    page_mentions=(r"第\s*(\d+)\s*[页张]",),
    is_read_by_bundled_model=True,
)
