"""The messages of the errors that people read, in Chinese; in English each class has its own."""

from __future__ import annotations

ERRORS_ZH: dict[str, str] = {
    "SettingsError": "{name} 的值是 {value!r}；可接受：{accepted}。",
    "AttachmentError": "{name} 无法读取。",
    "UnsupportedTypeError": "{name} 的类型在这里无法读取。可接受：{accepted}。",
    "PasswordProtectedError": "{name} 有密码保护。请去掉密码后重新添加。",
    "DamagedFileError": "{name} 已损坏，或内容与名称不符。请用其他软件打开并另存后再试。",
    "NoPagesError": "{name} 可以打开，但里面没有页面或画面。请换一个文件。",
    "TooManyPagesError": "{name} 选了 {pages} 页；一次最多读 {limit} 页。请选择范围，例如 1-{limit}。",
    "PageRangeError": "页码范围 {value!r} 不适合 {name}（共 {pages} 页）。请写成 1-5, 9 这样。",
    "TimeRangeError": "{name} 长 {duration} 秒；开始须早于结束，且都在 0 到 {duration} 之间。",
    "TooLargeError": "{name} 需要 {size}；最多可读 {limit}。请缩小后重新添加。",
    "TooSlowError": "读取 {name} 超过 {limit_s} 秒，已停止。请换小一点的文件或少选几页。",
    "RequestError": "{reason}",
    "UnsupportedFieldError": "不支持字段 {field!r}。请去掉它。",
    "InvalidFieldError": "字段 {field!r} 的值是 {value!r}；可接受：{accepted}。",
    "MixedMediaError": "图片和视频不能放在同一个对话里：模型没有这样训练过。请开始新对话。",
    "ContextLengthError": "这个对话至少需要 {tokens} 个词元；模型最多读 {limit} 个。"
    "请少选几页或几帧、缩短文字，或开始新对话。",
    "QueueFullError": "已有 {waiting} 个请求在等待，暂不再接受。请一分钟后再试。",
    "AccessError": "{reason}",
    "LoginError": "用户名或密码不对。程序请把 USER:PASSWORD 作为 API key 发送。",
    "TooManyAttemptsError": "密码错误次数太多。请在 {wait_s} 秒后再试。",
    "ModelError": "{reason}",
    "ModelNotReadyError": "{model} 还在加载。请稍后再试。",
    "ModelLoadError": "{model} 无法加载：{reason}",
    "DeviceMemoryError": "回答时设备内存不足。请少选几页，或让回答短一些。",
    "NumericalError": "模型对下一个词的评分不是有限的数，回答到此为止。"
    "请再试一次；如果再次出现，请开始新对话或换一种量化方式。",
    "EngineStoppedError": "模型在回答时停止了（{reason}）。请再试一次。",
}
