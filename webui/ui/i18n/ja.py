"""Japanese: every text of the page."""

from __future__ import annotations

from webui.ui.i18n.language import Language

TEXTS: dict[str, str] = {
    "title": "GLM-4.1V Thinking",
    "language": "言語",
    "theme": "テーマ",
    "theme_system": "システムに合わせる",
    "theme_light": "ライト",
    "theme_dark": "ダーク",
    "close": "閉じる",
    "keys": "キー操作",
    "key_send": "メッセージを送信",
    "key_break": "メッセージ内で改行",
    "key_stop": "回答を停止、または開いているものを閉じる",
    "key_next": "次の項目へ（画像は Enter で拡大）",
    "key_list": "この一覧を表示",
    "left": "残り {time}",
    "minutes": "{minutes} 分",
    "sign_in": "サインイン",
    "user_name": "ユーザー名",
    "password": "パスワード",
    "wrong_password": "ユーザー名またはパスワードが違います。",
    "state_loading": "読み込み中",
    "state_ready": "準備完了",
    "state_unloaded": "未読み込み（次のメッセージで読み込みます）",
    "state_failed": "失敗",
    "model": "モデル",
    "memory": "メモリ {size}",
    "bundled_title": "付属の小型モデルが回答します。",
    "bundled_text": (
        "単純な図形、大文字の英単語一語の見出し、棒グラフ、物体が一つ動く短い動画、"
        "簡単な足し算と引き算がわかりますが、間違えることもあります。"
        "質問は英語か中国語でどうぞ。12 GB 以上の GPU で 9B モデルを動かすには：{command}"
    ),
    "notice_title": "別のモデルが回答します。",
    "dismiss": "閉じる",
    "tab_thinking": "思考",
    "tab_chat": "チャット",
    "tab_image": "画像",
    "tab_video": "動画",
    "tab_pdf": "PDF",
    "tab_ppt": "PPT",
    "empty_thinking": ("画像、動画、PDF、スライドについて質問すると、推論の過程も表示されます。"),
    "empty_chat": "文章で質問してください。",
    "empty_image": "画像を追加して、写っているものについて質問してください。",
    "empty_video": "動画を追加して、その内容について質問してください。",
    "empty_pdf": "PDF を追加し、ページを選んで質問してください。",
    "empty_ppt": "スライドのファイルを追加し、スライドを選んで質問してください。",
    "ask_thinking": "質問を入力するか、ファイルをここにドロップ",
    "ask_chat": "メッセージを入力",
    "ask_image": "画像について質問するか、画像をここにドロップ",
    "ask_video": "動画について質問するか、動画をここにドロップ",
    "ask_pdf": "ページについて質問するか、PDF をここにドロップ",
    "ask_ppt": "スライドについて質問するか、ファイルをここにドロップ",
    "composer": "メッセージ",
    "conversation": "会話",
    "new_line": "末尾へ戻る · 新しい行 1 行",
    "new_lines": "末尾へ戻る · 新しい行 {count} 行",
    "new_chat": "新しいチャット",
    "retry": "再試行",
    "copy": "回答をコピー",
    "copied": "コピーしました",
    "copy_failed": "コピーできません：文字を選択してください",
    "you_sent": "ほか {count} 枚",
    "phase_loading": "モデルを読み込んでいます",
    "phase_converting": "{name} を変換しています",
    "phase_queued": "順番を待っています",
    "phase_prefill": "読んでいます",
    "phase_thinking": "考えています",
    "phase_answering": "回答しています",
    "phase_stopping": "停止しています",
    "of": "{done} / {total}",
    "ahead": "あと {count} 件待ち",
    "next": "次の順番です",
    "seconds": "{seconds} 秒",
    "tokens": "{count} トークン",
    "speed": "{rate} トークン/秒",
    "first_token": "最初のトークンまで {seconds}",
    "thinking": "考えています",
    "thought": "{seconds}考えました",
    "thinking_level": "思考",
    "think_off": "なし",
    "think_short": "短め",
    "think_normal": "標準",
    "think_long": "長め",
    "answer_now": "すぐに回答",
    "no_thought": "思考なしで回答",
    "cut_budget": "思考を {count} トークンで打ち切り",
    "cut_requested": "指示により思考を打ち切り",
    "cut_repetition": "繰り返しのため思考を終了",
    "stopped": "停止しました",
    "length": "上限の {limit} トークンに達しました",
    "answered": "回答ができました",
    "no_answer": "回答は書かれませんでした。",
    "error": "うまくいきませんでした",
    "text_only": "文章のみ",
    "kind_image": "画像",
    "kind_video": "動画",
    "kind_document": "PDF、PPT、PPTX",
    "kind_pdf": "PDF",
    "kind_ppt": "PPT、PPTX",
    "file": "ファイル",
    "pages": "ページ",
    "pages_hint": "すべてのページ、または例：1-5, 9",
    "slides": "スライド",
    "slides_hint": "すべてのスライド、または例：1-5, 9",
    "frames": "フレーム数",
    "from": "開始（秒）",
    "to": "終了（秒）",
    "page_n": "{number} ページ",
    "slide_n": "スライド {number}",
    "cost_pages": "{count} ページ中 {chosen} ページ",
    "cost_slides": "スライド {count} 枚中 {chosen} 枚",
    "cost_frames": "{chosen} フレーム",
    "cost_image": "{width} × {height} ピクセル",
    "cost_tokens": "{tokens} / {limit} トークン",
    "fitted": "収まるように縮小しました（元の大きさでは {tokens} トークン）。",
    "drawn_without_office": (
        "LibreOffice がインストールされていないため、スライドを簡易的に描画します。"
        "グラフや効果が表示されないことがあります。"
    ),
    "viewer_thinking": "モデルに渡されるページ、フレーム、画像がここに表示されます。",
    "viewer_image": "モデルに渡される画像がここに表示されます。",
    "viewer_video": "モデルに渡されるフレームがここに表示されます。",
    "viewer_pdf": "モデルが読むページがここに表示されます。",
    "viewer_ppt": "モデルが読むスライドがここに表示されます。",
    "in_conversation": "この会話のファイル",
    "about_model": "回答するモデル",
    "about_context": "一度に最大 {count} トークンを読みます",
    "about_media": "そのうちページとフレームは最大 {count} トークン",
    "about_frames": "動画は最大 {count} フレーム",
    "about_pages": "一度に最大 {count} ページ",
    "about_size": "ファイルは最大 {size}",
    "example_circle": "この図形は何色ですか？",
    "example_count": "正方形はいくつありますか？",
    "example_sign": "看板には何と書いてありますか？",
    "example_tallest": "一番高い棒はどれですか？",
    "example_moving": "動いている図形は何色ですか？",
    "example_moving_shape": "動いているのはどんな図形ですか？",
    "example_direction": "どちらの方向に動いていますか？",
    "example_headline": "2ページ目の見出しは何ですか？",
    "example_last_headline": "3ページ目の見出しは何ですか？",
    "example_page_count": "何ページありますか？",
    "example_slide_title": "スライド2のタイトルは何ですか？",
    "example_first_title": "スライド1のタイトルは何ですか？",
    "example_slide_count": "スライドは何枚ありますか？",
    "example_who": "あなたは誰ですか？",
    "example_sum": "47 + 38 はいくつですか？",
    "example_hello": "こんにちは！",
    "settings": "設定",
    "system_prompt": "システムプロンプト",
    "system_prompt_hint": "すべての回答でモデルに守ってほしいこと。",
    "temperature": "温度",
    "temperature_hint": "0 では常に最も確率の高い語を選び、大きいほど多様になります。",
    "top_p": "Top-p",
    "top_p_hint": "累積確率がこの値までの語を残します。1 ではすべて残します。",
    "top_k": "Top-k",
    "top_k_hint": "確率の高い順にこの数の語を残します。0 ではすべて残します。",
    "repetition_penalty": "繰り返しペナルティ",
    "repetition_penalty_hint": "1 より大きいと繰り返しが減ります。",
    "max_tokens": "回答の最大長",
    "max_tokens_hint": "トークン数。思考も含みます。",
    "thinking_budget": "思考の上限",
    "thinking_budget_hint": "トークン数。0 では思考せずに回答し、右端では無制限です。",
    "seed": "シード",
    "seed_hint": "数を指定すると同じ回答を再現できます。0 では再現しません。",
}

ERRORS: dict[str, str] = {
    "SettingsError": "{name} の値は {value!r} です。使用できる値：{accepted}。",
    "AttachmentError": "{name} を読み取れません。",
    "UnsupportedTypeError": "{name} の形式はここでは読み取れません。使用できる形式：{accepted}。",
    "MisplacedFileError": "{name} はこのタブでは読み取れません。別のタブで追加してください。",
    "MisplacedPictureError": "{name} は画像です。「画像」タブで追加してください。",
    "MisplacedVideoError": "{name} は動画です。「動画」タブで追加してください。",
    "MisplacedPDFError": "{name} は PDF です。「PDF」タブで追加してください。",
    "MisplacedSlidesError": "{name} はスライドです。「PPT」タブで追加してください。",
    "PasswordProtectedError": (
        "{name} はパスワードで保護されています。パスワードを解除してから、もう一度追加してください。"
    ),
    "DamagedFileError": (
        "{name} は破損しているか、内容がファイル名と一致しません。"
        "別のソフトで開いて保存し直してから、もう一度お試しください。"
    ),
    "NoPagesError": (
        "{name} は開けますが、ページやフレームがありません。別のファイルを選んでください。"
    ),
    "TooManyPagesError": (
        "{name} では {pages} ページが選択されていますが、一度に読めるのは {limit} ページまでです。"
        "1-{limit} のように範囲を指定してください。"
    ),
    "TooManySlidesError": (
        "{name} ではスライドが {pages} 枚選択されていますが、一度に読めるのは {limit} 枚までです。"
        "1-{limit} のように範囲を指定してください。"
    ),
    "PageRangeError": (
        "ページ範囲 {value!r} は {name}（全 {pages} ページ）に使えません。"
        "1-5, 9 のように入力してください。"
    ),
    "SlideRangeError": (
        "スライドの範囲 {value!r} は {name}（全 {pages} 枚）に使えません。"
        "1-5, 9 のように入力してください。"
    ),
    "TimeRangeError": (
        "{name} の長さは {duration} 秒です。"
        "開始は終了より前とし、どちらも 0 から {duration} の間で指定してください。"
    ),
    "TooLargeError": (
        "{name} には {size} が必要ですが、読み取れるのは {limit} までです。"
        "小さくしてから、もう一度追加してください。"
    ),
    "TooSlowError": (
        "{name} の読み取りに {limit_s} 秒以上かかったため、中止しました。"
        "小さいファイルにするか、ページを減らしてください。"
    ),
    "RequestError": "{reason}",
    "UnsupportedFieldError": "フィールド {field!r} には対応していません。削除してください。",
    "InvalidFieldError": ("フィールド {field!r} の値は {value!r} です。使用できる値：{accepted}。"),
    "MixedMediaError": (
        "一つの会話で画像と動画を一緒に使うことはできません（モデルの学習対象外です）。"
        "新しいチャットを始めてください。"
    ),
    "ContextLengthError": (
        "この会話には少なくとも {tokens} トークンが必要ですが、"
        "モデルが読めるのは {limit} トークンまでです。"
        "ページやフレームを減らすか、文章を短くするか、新しいチャットを始めてください。"
    ),
    "QueueFullError": (
        "{waiting} 件のリクエストが待機中のため、これ以上受け付けられません。"
        "1 分後にもう一度お試しください。"
    ),
    "AccessError": "{reason}",
    "LoginError": (
        "ユーザー名またはパスワードが違います。"
        "プログラムからは USER:PASSWORD を API キーとして送信してください。"
    ),
    "TooManyAttemptsError": (
        "パスワードの誤入力が多すぎます。{wait_s} 秒後にもう一度お試しください。"
    ),
    "UploadQuotaError": (
        "保存できるファイルは 1 人あたり {limit} までで、このファイルを追加すると上限を超えます。"
        "ファイルは追加から数時間後に削除されます。"
        "後でもう一度追加するか、小さいファイルにしてください。"
    ),
    "StorageFullError": (
        "保存できるファイルは全利用者の合計で {limit} までで、"
        "このファイルを追加すると上限を超えます。"
        "ファイルは追加から数時間後に削除されます。"
        "後でもう一度追加するか、小さいファイルにしてください。"
    ),
    "ModelError": "{reason}",
    "ModelNotReadyError": "{model} はまだ読み込み中です。しばらくしてからお試しください。",
    "ModelLoadError": "{model} を読み込めませんでした：{reason}",
    "DeviceMemoryError": (
        "回答中にデバイスのメモリが不足しました。ページを減らすか、回答を短くしてください。"
    ),
    "NumericalError": (
        "次の語に対するモデルのスコアが有限の数ではないため、回答をここで終了しました。"
        "もう一度お試しください。再び発生する場合は、新しいチャットを始めるか、"
        "別の量子化方式を選んでください。"
    ),
    "EngineStoppedError": ("回答中にモデルが停止しました（{reason}）。もう一度お試しください。"),
}

REASONS: dict[str, str] = {
    "Unexpected": "{text}",
    "HubUnreachable": (
        "モデルハブに接続できません。ネットワークを確認するか、フォルダーを指定してください。"
    ),
    "NotOnHub": "モデルハブに {source} がないか、トークン（HF_TOKEN）が必要です。",
    "DiskTooSmall": (
        "ファイルには {needed_gb:.1f} GB が必要ですが、{folder} のあるディスクの空きは "
        "{free_gb:.1f} GB です。空き容量を増やすか、HF_HOME を設定してください。"
    ),
    "FilesTooLarge": (
        "ファイルには {needed_gb:.1f} GB が必要ですが、ディスクの空きは {free_gb:.1f} GB です。"
    ),
    "DiskFull": (
        "{folder} のあるディスクがいっぱいです。空き容量を増やすか、HF_HOME を設定してください。"
    ),
    "MissingFiles": (
        "{folder} に {files} がありません。"
        "チェックポイント全体をコピーまたはダウンロードしてください。"
    ),
    "DamagedFile": "{file} が破損しています。削除して、もう一度ダウンロードしてください。",
    "UnreadableFile": "{file} が破損しています。削除して、もう一度ダウンロードしてください。",
    "WrongModelType": (
        "モデルの種類は {model_type} です。このデモで動くのは {accepted} のチェックポイントです。"
    ),
    "FilesDisagree": (
        "{file} の {field} は {found} ですが、{source} によれば {expected} のはずです。"
        "同じチェックポイントのファイルを使ってください。"
    ),
    "MisplacedField": (
        "{file} では {field} が最上位にあり、読み込まれません。{place} の中に移してください。"
    ),
    "MissingTokens": (
        "{file} に {tokens} がありません。同じチェックポイントのファイルを使ってください。"
    ),
    "SelfTestFailed": (
        "自己診断に失敗しました。設定またはファイルが {model_type} のチェックポイントに適合しません。"
    ),
    "CannotPack": (
        "この環境の bitsandbytes は {quantization} に対応していません。使用できる値：none。"
    ),
    "WeightsTooLarge": (
        "重みには {needed_gb:.1f} GB のメモリが必要ですが、{device} の空きは {free_gb:.1f} GB です。"
        "--quantization 4bit を指定するか、小さいモデルを使うか、メモリを空けてください。"
    ),
    "PackedWeightsTooLarge": (
        "重みには {needed_gb:.1f} GB のメモリが必要ですが、{device} の空きは {free_gb:.1f} GB です。"
        "小さいモデルを使うか、メモリを空けてください。"
    ),
    "NoMemoryForConversation": (
        "{tokens:,} トークンの会話に使えるメモリが残っていません。"
        "--quantization 4bit を指定するか、--context-length を小さくしてください。"
    ),
    "DeviceOutOfMemory": (
        "{device} のメモリが不足しました。"
        "--quantization 4bit を指定するか、メモリを空けてください。"
    ),
    "CardTooSmall": (
        "{card} の空きは {total_gb:.1f} GB 中 {free_gb:.1f} GB ですが、{precision} で "
        "{tokens:,} トークンの会話を {slots} 件動かすには {needed_gb:.1f} GB が必要です。"
    ),
    "NoSuchDevice": (
        "--device は {device} ですが、このマシンの CUDA デバイスは {count} 台です。"
        "--device cpu か別のデバイスを指定してください。"
    ),
    "NoCudaDevice": "CUDA デバイスが見つかりませんでした。",
    "CpuChosen": "--device cpu が指定されています。",
    "DriverTooOld": (
        "NVIDIA ドライバー {driver} は CUDA {cuda} には古すぎます（{needed} 以降が必要です）。"
        "ドライバーを更新するか、CUDA 12 用の torch 2.8 〜 2.10 をインストールしてください。"
    ),
    "TorchWithoutCuda": (
        "NVIDIA ドライバー {driver} はありますが、この torch は CUDA に対応していません。"
        "requirements.txt のとおりに torch をインストールしてください。"
    ),
    "StoppedRepeatedly": (
        "回答しないまま {times} 回続けて停止しました。原因はログをご覧ください。"
    ),
    "EngineStoppedBefore": (
        "{reason} その前にエンジンが停止しています。"
        "このプロセスから GPU が使えなくなった場合は、プログラムを再起動してください。"
    ),
    "EngineClosed": "エンジンが終了しました",
}

JAPANESE = Language(
    code="ja",
    name="日本語",
    texts=TEXTS,
    errors=ERRORS,
    reasons=REASONS,
    # Without "目" or "第", "3ページ" is more often a number of pages than a page.
    page_mentions=(
        r"(\d+)\s*(?:ページ|頁|枚)目",
        r"(?:ページ|スライド|画像)\s*(\d++)(?!\s*枚)",
        r"第\s*(\d+)\s*(?:ページ|頁)",
    ),
    fonts=("Hiragino Sans", "Yu Gothic UI", "Meiryo", "Noto Sans CJK JP"),
)
