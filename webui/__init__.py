"""A web demo for GLM-4.1V-Thinking: users ask about pictures, videos, documents and text.

Imports only go down this list:

    launch -> app -> ui, api -> media, engine -> protocol, settings, errors

media turns files into pixels and knows no model; engine turns requests into deltas and knows no
file. Everything is built in app.py and passed in; importing any module starts nothing.
"""

__version__ = "0.1.0"
