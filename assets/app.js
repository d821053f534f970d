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

  window.chatPage = {
    announcePhase,
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
