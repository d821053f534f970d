"""The exceptions whose messages users read.

    WebUIError
    ├── SettingsError               a flag or an environment variable is wrong
    ├── AttachmentError             a file cannot be read
    │   ├── UnsupportedTypeError    not a type we know
    │   │   └── MisplacedFileError  a type that another tab takes; a class for each such tab
    │   ├── PasswordProtectedError  opens only with a password
    │   ├── DamagedFileError        broken, or not what it says it is
    │   ├── NoPagesError            opens, but has no page, frame or picture
    │   ├── TooManyPagesError       more pages chosen than can be read at once
    │   │   └── TooManySlidesError  the same of slides
    │   ├── PageRangeError          a page range that cannot be understood or does not exist
    │   │   └── SlideRangeError     the same of slides
    │   ├── TimeRangeError          a part of a video that does not exist
    │   ├── TooLargeError           bytes, pixels or memory over the limit
    │   └── TooSlowError            reading took longer than allowed
    ├── RequestError                the request cannot be answered
    │   ├── UnsupportedFieldError   an API field that is not implemented
    │   ├── InvalidFieldError       an API field with a value out of range
    │   ├── MixedMediaError         pictures and video in one conversation
    │   ├── ContextLengthError      longer than the model's context
    │   └── QueueFullError          too many requests are waiting
    ├── AccessError                 the client is not allowed to ask
    │   ├── LoginError              an unknown name, password or key
    │   └── TooManyAttemptsError    too many wrong passwords before
    └── ModelError                  the model cannot answer now
        ├── ModelNotReadyError      still loading
        ├── ModelLoadError          loading failed
        ├── DeviceMemoryError       the device ran out of memory
        ├── NumericalError          the model computed a value that is not a number
        └── EngineStoppedError      the engine stopped while answering

Each message says what happened, the number and the limit, and what to do. It is made from
`template` and named values, which stay in `params`: the page says the same in other languages, and
a child process passes an error on by its name.
"""

from __future__ import annotations

from typing import ClassVar, Self

from webui.reasons import Reason


class WebUIError(Exception):
    template = "{reason}"

    def __init__(self, **params: object) -> None:
        self.params = params
        super().__init__(self.template.format(**params))

    def copy(self) -> Self:
        """Return an equal error without the traceback, whose frames keep their variables alive."""
        return type(self)(**self.params)


class SettingsError(WebUIError):
    template = "{name} is {value!r}; accepted: {accepted}."


class AttachmentError(WebUIError):
    template = "{name} cannot be read."


class UnsupportedTypeError(AttachmentError):
    template = "{name} is of a type that cannot be read here. Accepted: {accepted}."


class MisplacedFileError(UnsupportedTypeError):
    """A file that the tab called `tab` takes, added in another one."""

    template = "{name} cannot be read in this tab; another one takes it."
    tab: ClassVar[str] = ""


class MisplacedPictureError(MisplacedFileError):
    template = "{name} is a picture; the Image tab takes it."
    tab = "image"


class MisplacedVideoError(MisplacedFileError):
    template = "{name} is a video; the Video tab takes it."
    tab = "video"


class MisplacedPDFError(MisplacedFileError):
    template = "{name} is a PDF; the PDF tab takes it."
    tab = "pdf"


class MisplacedSlidesError(MisplacedFileError):
    template = "{name} is a presentation; the PPT tab takes it."
    tab = "ppt"


class PasswordProtectedError(AttachmentError):
    template = "{name} is protected by a password. Remove the password and add it again."


class DamagedFileError(AttachmentError):
    template = (
        "{name} is damaged or not what its name says. Try to open and save it again elsewhere."
    )


class NoPagesError(AttachmentError):
    template = "{name} opens, but there is no page or frame in it. Choose another file."


class TooManyPagesError(AttachmentError):
    template = (
        "{name} has {pages} pages chosen; "
        "at most {limit} can be read at once. Choose a range, such as 1-{limit}."
    )


class TooManySlidesError(TooManyPagesError):
    template = (
        "{name} has {pages} slides chosen; "
        "at most {limit} can be read at once. Choose a range, such as 1-{limit}."
    )


class PageRangeError(AttachmentError):
    template = (
        "The page range {value!r} does not fit {name}, which has {pages} pages. "
        "Write it like 1-5, 9."
    )


class SlideRangeError(PageRangeError):
    template = (
        "The range of slides {value!r} does not fit {name}, which has {pages} slides. "
        "Write it like 1-5, 9."
    )


class TimeRangeError(AttachmentError):
    template = (
        "{name} lasts {duration} s; choose a start before the end, both between 0 and {duration}."
    )


class TooLargeError(AttachmentError):
    template = "{name} needs {size}; at most {limit} can be read. Make it smaller and add it again."


class TooSlowError(AttachmentError):
    template = (
        "Reading {name} took longer than {limit_s} s and was stopped. "
        "Try a smaller file or fewer pages."
    )


class RequestError(WebUIError):
    template = "{reason}"


class UnsupportedFieldError(RequestError):
    template = "The field {field!r} is not supported. Leave it out."


class InvalidFieldError(RequestError):
    template = "The field {field!r} is {value!r}; accepted: {accepted}."


class MixedMediaError(RequestError):
    template = (
        "Pictures and video cannot share one conversation: the model was not trained for it. "
        "Start a new chat."
    )


class ContextLengthError(RequestError):
    template = (
        "This conversation needs at least {tokens} tokens; the model reads at most {limit}. "
        "Choose fewer pages or frames or a shorter text, or start a new chat."
    )


class QueueFullError(RequestError):
    template = "{waiting} requests are waiting, and no more are taken. Try again in a minute."


class AccessError(WebUIError):
    template = "{reason}"


class LoginError(AccessError):
    template = "The name or the password is wrong. Programs send USER:PASSWORD as their API key."


class TooManyAttemptsError(AccessError):
    template = "Too many wrong passwords. Try again in {wait_s} s."


class UploadQuotaError(AccessError):
    template = (
        "One visitor may keep {limit} of files here, and this one would exceed that. Files are "
        "deleted some hours after they were added: add it later, or a smaller one."
    )


class StorageFullError(AccessError):
    template = (
        "All visitors together may keep {limit} of files here, and this one would exceed that. "
        "Files are deleted some hours after they were added: add it later, or a smaller one."
    )


class ModelError(WebUIError):
    template = "{reason}"


class ModelNotReadyError(ModelError):
    template = "{model} is still loading. Try again in a moment."


class ModelLoadError(ModelError):
    template = "{model} could not be loaded: {reason}"

    def __init__(self, *, model: str, reason: Reason) -> None:
        self.reason = reason
        super().__init__(model=model, reason=reason)


class DeviceMemoryError(ModelError):
    template = "The device ran out of memory while answering. Try fewer pages or a shorter answer."


class NumericalError(ModelError):
    template = (
        "The model's scores for the next word are not finite numbers, so the answer ends here. "
        "Try again; if it happens again, start a new chat or choose another quantization."
    )


class EngineStoppedError(ModelError):
    template = "The model stopped while answering ({reason}). Try again."
