// What every page does in a browser without the application's code. Stands in the document itself, so that it holds before
// that code has come; lines that are comments stay here.
(() => {
  // The server writes times in the zone that the browser tells it here.
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const secure = location.protocol === "https:" ? "; Secure" : "";
  if (timeZone) document.cookie = `zone=${timeZone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;

  // Buttons that copy, wherever they are and whenever they came.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    const said = button.querySelector("[role=status]");
    button.dataset.copied = "";
    said.textContent = "Copied";
    setTimeout(() => {
      delete button.dataset.copied;
      said.textContent = "";
    }, 2000);
  });

  // A tick belongs to what is ticked: where a list is read again and its rows become others, it goes with its own.
  const boxes = ".pick input";
  new MutationObserver((changes) => {
    const changed = new Set(changes.map((change) => change.target).filter((box) => box.matches(boxes)));
    if (changed.size === 0) return;
    const ticked = new Set(changes.filter(({ target }) => changed.has(target) && target.checked).map((change) => change.oldValue));
    for (const box of document.querySelectorAll(boxes)) {
      if (changed.has(box)) box.checked = ticked.has(box.value);
      else if (ticked.has(box.value)) box.checked = true;
    }
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["value"], attributeOldValue: true });
})();
