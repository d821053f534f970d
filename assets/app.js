// The page's own script. Gradio's events and components call the functions of `window.chatPage`; the
// listeners at the end belong to the whole document. The components that need it load it, once.
(() => {
  "use strict";

  const isVisible = (element) => element.offsetParent !== null;

  // Show a small picture in full size, with its boxes and its caption, until a click or Esc.
  const enlarge = (image) => {
    const dialog = document.createElement("dialog");
    dialog.className = "enlarged";
    const copy = (image.closest(".boxed") ?? image).cloneNode(true);
    const caption = document.createElement("p");
    caption.textContent = image.alt;
    dialog.append(copy, caption);
    dialog.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  };

  // Open the picture that a link such as "#seen-2" in an answer leads to.
  const openLinkedPicture = (link) => {
    const tab = link.closest(".tab-body");
    const sheet = tab.querySelector(".sheet.sent-last");
    const pictures = sheet ?? [...tab.querySelectorAll(".sent")].at(-1);
    const picture = pictures?.querySelectorAll("img")[Number(link.hash.slice("#seen-".length))];
    if (picture) enlarge(picture);
  };

  // Say in the window's title what has ended while the window is in the background, with a count, and
  // no longer once the user is back.
  let unseenCount = 0;
  const pageTitle = () => document.querySelector("h1.title").textContent;
  const showInTitle = (words) => {
    if (document.hasFocus()) return;
    unseenCount += 1;
    document.title = `(${unseenCount}) ${words} · ${pageTitle()}`;
  };
  const restoreTitle = () => {
    if (!unseenCount) return;
    unseenCount = 0;
    document.title = pageTitle();
  };

  // Let screen readers hear the phase once, and not every change of its number: a live region beside
  // the visible line.
  const announcePhase = (element, watch) => {
    const live = document.createElement("div");
    live.className = "heard";
    live.setAttribute("role", "status");
    live.setAttribute("aria-live", "polite");
    element.parentNode.append(live);
    watch("value", () => {
      const words = element.querySelector("[data-phase]")?.dataset.phase ?? "";
      if (live.textContent !== words) live.textContent = words;
      if (element.querySelector("[data-ended]")) showInTitle(words);
    });
  };

  // Keep files that are too large from Gradio, which would refuse them in English and in bytes. The
  // component's "upload" event reports them; the files that are small enough go on alone.
  const guardUploads = (element, props, trigger) => {
    const tab = element.closest(".tab-body");
    const guard = (event, list) => {
      const input = tab.querySelector(".composer input[type=file]");
      const files = [...(list ?? [])];
      if (!files.length || !input || !event.target.closest(".composer")) return;
      const tooLarge = files.filter((file) => file.size > props.max_file_bytes);
      if (!tooLarge.length) {
        props.value = "";
        return;
      }
      event.preventDefault();
      event.stopImmediatePropagation();
      if (event.type === "drop") {
        event.target.dispatchEvent(new DragEvent("dragleave", { bubbles: true }));
      }
      trigger("upload", { files: tooLarge.map((file) => [file.name, file.size]) });
      const kept = new DataTransfer();
      for (const file of files) if (!tooLarge.includes(file)) kept.items.add(file);
      input.files = kept.files;
      if (kept.files.length) input.dispatchEvent(new Event("change", { bubbles: true }));
    };
    // The picker offers what the tab takes. Gradio's own filter (6.31) would also refuse, in English,
    // what is dropped or pasted; here that reaches the server, which names the right tab.
    const filter = ({ target }) => {
      if (target.matches?.(".composer input[type=file]")) target.accept = props.file_filter;
    };
    tab.addEventListener("click", filter, true);
    // In the capture phase, so that the guard runs before Gradio's own listeners.
    tab.addEventListener("change", (event) => guard(event, event.target.files), true);
    tab.addEventListener("drop", (event) => guard(event, event.dataTransfer?.files), true);
    tab.addEventListener("paste", (event) => guard(event, event.clipboardData?.files), true);
  };

  // Give the document the language and the fonts of the title: screen readers choose their voice by
  // the language.
  const followLanguage = (element, watch) => {
    const update = () => {
      const title = element.querySelector("[lang]");
      if (!title) return;
      const root = document.documentElement;
      root.lang = title.lang;
      if (title.dataset.fonts) root.style.setProperty("--font", title.dataset.fonts);
      else root.style.removeProperty("--font");
    };
    update();
    watch("value", update);
  };

  // Let the menu of themes show the theme, also after it was drawn again in another language.
  const followTheme = (element, watch) => {
    const update = () => {
      const menu = element.querySelector("select");
      if (menu) menu.value = chatPreferences.theme();
    };
    update();
    watch("value", update);
    element.addEventListener("change", (event) => chatPreferences.chooseTheme(event.target.value));
  };

  // Copy the selection of a hidden text box, and return whether the browser did.
  const copySelection = (text) => {
    const focused = document.activeElement;
    const box = document.createElement("textarea");
    box.className = "heard";
    box.readOnly = true;
    box.value = text;
    // Nothing outside an open dialog can be selected.
    (document.querySelector("dialog[open]") ?? document.body).append(box);
    box.select();
    const isCopied = document.execCommand("copy");
    box.remove();
    focused?.focus();
    return isCopied;
  };

  // Browsers leave `navigator.clipboard` out of pages over plain http. Gradio's buttons at blocks of
  // code use this one too.
  if (!navigator.clipboard) {
    const writeText = async (text) => {
      if (!copySelection(text)) throw new Error("The browser does not allow copying.");
    };
    Object.defineProperty(navigator, "clipboard", { value: { writeText } });
  }

  // Copy an answer, and return the words for its button that say whether it was copied.
  const copyAnswer = async (answer) => {
    const { text, copied, failed } = JSON.parse(answer);
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      if (!copySelection(text)) return failed;
    }
    return copied;
  };

  // Begin in the message box, unless that opens a phone's keyboard, or the focus is in use: by the user
  // or by a page around this one. The box is drawn later than this script runs.
  const focusMessageBox = () => {
    if (window.top !== window || !matchMedia("(hover: hover) and (pointer: fine)").matches) return;
    const observer = new MutationObserver(() => focus());
    const focus = () => {
      const box = [...document.querySelectorAll(".composer textarea")].find(isVisible);
      if (!box) return;
      observer.disconnect();
      if (document.activeElement === document.body) box.focus({ preventScroll: true });
    };
    observer.observe(document.body, { childList: true, subtree: true });
    focus();
  };

  const listKeys = () => document.querySelector("dialog.keys")?.showModal();
  const isTyping = (element) => element.closest?.("input, textarea, select, [contenteditable]");

  // Within this distance of its end, in pixels, a conversation that is scrolled down follows again.
  const END_DISTANCE = 24;
  // The height of a line of an answer, as the stylesheet has it.
  const LINE_HEIGHT = 24;
  const UPWARD_KEYS = new Set(["PageUp", "Home", "ArrowUp"]);

  // The scrolling of one conversation. While its reader is at the end, the newest text is kept in
  // view; a reader who scrolls up stays there, with a button that leads back. `view` is the element
  // that scrolls; `onChange(lines)` hears how many lines are new below, 0 while it follows.
  class ScrollFollower {
    constructor(view, onChange) {
      this.view = view;
      this.onChange = onChange;
      this.isFollowing = true;
      this.rows = null;
      this.rowCount = 0;
      this.newHeight = 0;
      // Observers of a hidden conversation are silent. Those of a visible one run after layout and
      // before paint, once a frame, however many updates that frame had.
      this.resizes = new ResizeObserver(() => this.onLayout());
      this.resizes.observe(view);
      this.newRows = new MutationObserver(() => this.onRows());
      // Gradio puts an invitation in the place of the rows of an empty conversation.
      new MutationObserver(() => this.adoptRows()).observe(view, { childList: true });
      this.listen();
      this.adoptRows();
    }

    adoptRows() {
      const rows = this.view.querySelector(":scope > .message-wrap");
      if (rows === this.rows) return;
      if (this.rows) this.resizes.unobserve(this.rows);
      this.newRows.disconnect();
      this.rows = rows;
      if (rows) {
        this.resizes.observe(rows);
        this.newRows.observe(rows, { childList: true });
      }
      this.onRows();
    }

    // A new question, another try at an answer and a new conversation are brought into view.
    onRows() {
      const previousCount = this.rowCount;
      this.rowCount = this.rows?.childElementCount ?? 0;
      let row = this.rows?.lastElementChild;
      let isNew = this.rowCount < previousCount;
      for (let index = this.rowCount; index > previousCount; index -= 1) {
        isNew ||= row.classList.contains("user-row");
        row = row.previousElementSibling;
      }
      if (isNew) this.follow();
    }

    listen() {
      const view = this.view;
      const listen = (type, listener) => view.addEventListener(type, listener, { passive: true });
      listen("scroll", () => this.onScroll());
      // These let go at once. To wait for the first "scroll" event would be too late: an update may
      // come between the two, go to the end, and so cancel the scrolling that has just begun.
      listen("wheel", (event) => { if (event.deltaY < 0) this.letGo(); });
      let touchY = 0;
      listen("touchstart", (event) => { touchY = event.touches[0].clientY; });
      listen("touchmove", (event) => { if (event.touches[0].clientY > touchY) this.letGo(); });
      listen("pointerdown", (event) => {
        if (event.target === view && event.offsetX >= view.clientWidth) this.letGo();
      });
      view.addEventListener("keydown", (event) => {
        if (UPWARD_KEYS.has(event.key) || (event.key === " " && event.shiftKey)) this.letGo();
        if (event.key === "End" && !event.target.closest("input, textarea")) this.follow();
      });
      // What opens or closes by a click has not been written meanwhile.
      view.addEventListener("click", () => { this.lastHeight = null; });
    }

    onScroll() {
      const { scrollTop, scrollHeight, clientHeight } = this.view;
      if (!clientHeight) return;
      const end = scrollHeight - clientHeight;
      if (scrollTop > this.top && end - scrollTop <= END_DISTANCE) this.follow();
      // A conversation that has become shorter, or its view higher, scrolls by itself.
      else if (scrollTop < this.top && end >= this.end) this.letGo();
      this.top = scrollTop;
      if (this.isFollowing) return;
      this.keepRoom();
    }

    letGo() {
      if (!this.isFollowing || this.view.scrollHeight <= this.view.clientHeight) return;
      this.isFollowing = false;
      this.newHeight = 0;
      this.lastHeight = this.contentHeight();
      this.view.classList.add("let-go");
      this.keepRoom();
      this.report();
    }

    follow() {
      this.isFollowing = true;
      this.view.classList.remove("let-go");
      if (this.rows) this.rows.style.minHeight = "";
      this.goToEnd();
      this.report();
    }

    goToEnd() {
      this.view.scrollTop = this.view.scrollHeight;
      this.top = this.view.scrollTop;
      this.end = this.view.scrollHeight - this.view.clientHeight;
    }

    // The conversation must not become so short that the browser moves what is in view, as when a
    // paragraph is drawn again with fewer lines.
    keepRoom() {
      const room = this.view.scrollTop + this.view.clientHeight - this.rows.offsetTop;
      this.rows.style.minHeight = `${Math.floor(room)}px`;
    }

    contentHeight() {
      const last = this.rows?.lastElementChild;
      return last ? last.offsetTop + last.offsetHeight : 0;
    }

    onLayout() {
      const { clientHeight, clientWidth } = this.view;
      if (!clientHeight || !this.rows) return;
      if (this.isFollowing) this.goToEnd();
      else this.countNewLines(clientWidth);
      this.width = clientWidth;
      this.end = this.view.scrollHeight - clientHeight;
    }

    // Count what has been written since its reader left, in pixels. Text that only breaks into
    // other lines, because the window has another width, is not new.
    countNewLines(width) {
      const height = this.contentHeight();
      if (this.lastHeight !== null && width === this.width) {
        this.newHeight += Math.max(height - this.lastHeight, 0);
      }
      this.lastHeight = height;
      this.report();
    }

    report() {
      this.onChange(this.isFollowing ? 0 : Math.round(this.newHeight / LINE_HEIGHT));
    }
  }

  // Follow the conversation of a tab; `element` holds the button that leads back to its end.
  const followConversation = (element, watch) => {
    let lines = 0;
    const showCount = () => {
      const button = element.querySelector("button");
      button.hidden = !lines;
      const { one, many } = button.dataset;
      const words = lines === 1 ? one : many.replace("{count}", lines.toLocaleString("en"));
      if (lines) button.querySelector("span").textContent = words;
    };
    const attach = (view) => {
      // The keys that scroll reach what has the focus.
      view.tabIndex = 0;
      const follower = new ScrollFollower(view, (newLines) => {
        if (newLines === lines) return;
        lines = newLines;
        showCount();
      });
      element.addEventListener("click", (event) => {
        if (!event.target.closest("button")) return;
        follower.follow();
        view.focus({ preventScroll: true });
      });
      watch("value", showCount);
    };
    // The Chatbot may be mounted after the button.
    const talk = element.closest(".talk");
    const find = () => talk.querySelector(".chat .bubble-wrap");
    if (find()) return attach(find());
    new MutationObserver((_, observer) => {
      if (!find()) return;
      observer.disconnect();
      attach(find());
    }).observe(talk, { childList: true, subtree: true });
  };

  window.chatPage = {
    announcePhase,
    followConversation,
    guardUploads,
    followLanguage,
    followTheme,
    filePaths: (message) => JSON.stringify((message?.files ?? []).map((file) => file.path)),
    copyAnswer,
    levelOfBudget: (budget, levels) => (levels.includes(budget) ? budget : null),
  };

  focusMessageBox();
  window.addEventListener("focus", restoreTitle);

  document.addEventListener("click", (event) => {
    const image = event.target.closest?.(".sheet img, .sent img");
    if (image) enlarge(image);
    if (event.target.closest?.(".keys-button")) listKeys();
    const link = event.target.closest?.('.chat a[href^="#seen-"]');
    if (!link) return;
    event.preventDefault();
    openLinkedPicture(link);
  });

  // "?" lists the keys where it is not typed; Enter on a focused picture enlarges it; Esc stops the answer of the visible tab.
  document.addEventListener("keydown", (event) => {
    const image = event.key === "Enter" && event.target.closest?.(".sheet img, .sent img");
    if (image) return enlarge(image);
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "?" && !isTyping(event.target)) return listKeys();
    if (event.key !== "Escape") return;
    [...document.querySelectorAll(".composer .stop-button")].find(isVisible)?.click();
  });
})();
