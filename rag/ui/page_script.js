// What the pages lack for those who listen, use keys, or wait for a sign that a click arrived. It
// has no words of its own and builds no markup: it reads out what stands on the page, as text.
if (!window.fumikuraPage) {
  window.fumikuraPage = true;
  const SETTLED_MS = 300; // after the last piece of an answer, for what is drawn around it
  const SIGN_MS = 500; // by then the server has said that it is at work, or there is no work
  const FOCUSABLE = "a[href], button, input, textarea, summary, [tabindex]";
  const PRESSABLE =
    'a[href], button, label:has(input[type="checkbox"]), [role="option"], [data-testid="stDataFrame"]';
  const region = document.createElement("div");
  region.setAttribute("role", "status"); // read out when the reader pauses, as a whole
  region.className = "fk-unseen";
  document.body.append(region);
  let isBusy = false;
  let sign = 0;
  let held = null; // where the focus is: the key of a widget, and the how many-th part of it

  const say = (text, lang) => {
    region.lang = lang || document.documentElement.lang;
    region.textContent = text;
  };

  const textOf = (element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll(".fk-preview").forEach((preview) => preview.remove());
    return copy.textContent;
  };

  // The answer as a whole when it has ended: each piece by itself could not be listened to.
  const sayAnswer = () => {
    const last = [...document.querySelectorAll('[data-testid="stChatMessage"]')].pop();
    if (isBusy || !last) return;
    const spoken = [...last.querySelectorAll(".fk-answer, .fk-spoken")];
    say(spoken.map(textOf).join("\n"), last.querySelector(".fk-answer")?.lang);
  };

  const followAnswer = () => {
    const working = document.querySelector(".fk-working");
    const wasBusy = isBusy;
    isBusy = Boolean(working || document.querySelector(".fk-draft"));
    if (isBusy && !wasBusy) say(working ? working.textContent : "");
    if (!isBusy && wasBusy) setTimeout(sayAnswer, SETTLED_MS);
  };

  // A field that is closed while an answer comes, and a button that goes meanwhile, lose the focus.
  const keepFocus = () => {
    if (!held || document.activeElement !== document.body) return;
    const box = document.getElementsByClassName(held.name)[0];
    const element = box?.querySelectorAll(FOCUSABLE)[held.position];
    // Never behind a drawer: without the focus it would not hear Esc.
    const drawer = document.querySelector('[role="dialog"]');
    const isInReach = element && !element.disabled && (!drawer || drawer.contains(element));
    (isInReach ? element : drawer)?.focus({ preventScroll: true });
  };

  // A menu takes the focus when all transitions have ended; those of elements that were removed
  // meanwhile, such as the buttons below an older answer, never do.
  const focusMenu = () => {
    const opener = document.activeElement;
    if (opener?.getAttribute("aria-haspopup") !== "menu") return;
    document.querySelector('[role="menu"]')?.focus({ preventScroll: true });
  };

  // In the next frame: the way to the server and back takes longer than people wait for a sign.
  const showPressed = ({ target, key, isComposing }) => {
    const isPress = key ? key === "Enter" && !isComposing : target.closest(PRESSABLE);
    if (!isPress) return;
    document.body.classList.add("fk-pressed");
    clearTimeout(sign);
    sign = setTimeout(() => document.body.classList.remove("fk-pressed"), SIGN_MS);
  };

  document.addEventListener("click", showPressed, true);
  document.addEventListener("keydown", showPressed, true);
  document.addEventListener("focusin", ({ target }) => {
    const box = target.closest('[class*="st-key-"]');
    const name = box && [...box.classList].find((one) => one.startsWith("st-key-"));
    held = name && { name, position: [...box.querySelectorAll(FOCUSABLE)].indexOf(target) };
  });
  document.addEventListener("pointerdown", () => (held = null), true); // it may want none
  new MutationObserver(() => {
    followAnswer();
    // Not at once: on its way from one element to the next the focus is nowhere, and a button that
    // was closed loses it with the next picture only.
    requestAnimationFrame(() =>
      setTimeout(() => {
        keepFocus();
        focusMenu();
      }),
    );
  }).observe(document.body, {
    childList: true,
    subtree: true,
    attributes: true,
    attributeFilter: ["disabled"],
  });
}
