"use strict";
// Galleries: filter, sort, show more. Without JavaScript every card is shown, in the order of the file.
const STEP = matchMedia("(max-width: 40rem)").matches ? 12 : 24;

for (const gallery of document.querySelectorAll("[data-gallery]")) {
  const list = gallery.querySelector(".cards");
  const cards = [...list.children];
  const form = gallery.querySelector(".controls");
  const filters = [...gallery.querySelectorAll("[data-filter]")];
  const sort = gallery.querySelector("[data-sort]");
  const count = gallery.querySelector("[data-count]");
  const more = gallery.querySelector("[data-more]");
  let limit = STEP;

  const wanted = (control) => (control.type === "checkbox" && !control.checked ? "" : control.value);
  const matches = (card) =>
    filters.every((control) => {
      const value = wanted(control);
      return value === "" || card.dataset[control.dataset.filter] === value;
    });
  // Descending; cards of equal value keep their order.
  const sorted = () => {
    const key = sort.value;
    return [...cards].sort((a, b) => Number(b.dataset[key]) - Number(a.dataset[key]));
  };

  const update = () => {
    const matching = sorted().filter(matches);
    const shown = new Set(matching.slice(0, limit));
    list.replaceChildren(...matching.slice(0, limit), ...cards.filter((card) => !shown.has(card)));
    for (const card of cards) card.hidden = !shown.has(card);
    const rest = matching.length > shown.size && matching.length < cards.length ? `; ${matching.length} match` : "";
    count.textContent = `${shown.size} of ${cards.length} ${cards.length === 1 ? "row" : "rows"} shown${rest}`;
    more.hidden = matching.length <= shown.size;
    more.textContent = `Show ${Math.min(STEP, matching.length - shown.size)} more`;
  };
  const restart = () => {
    limit = STEP;
    update();
  };
  const reset = () => {
    form.reset();
    restart();
  };

  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", restart);
  gallery.querySelector("[data-reset]").addEventListener("click", reset);
  more.addEventListener("click", () => {
    const first = limit;
    limit += STEP;
    update();
    list.children[first].focus();
  });
  // <button data-show="label=3&predicted=5&sort=loss" data-in="ID"> elsewhere shows these rows.
  for (const button of document.querySelectorAll(`[data-show][data-in="${gallery.id}"]`)) {
    button.disabled = false;
    button.addEventListener("click", () => {
      form.reset();
      const values = new URLSearchParams(button.dataset.show);
      for (const control of filters) {
        const value = values.get(control.dataset.filter);
        if (value === null) continue;
        if (control.type === "checkbox") control.checked = true;
        else control.value = value;
      }
      if (values.has("sort")) sort.value = values.get("sort");
      restart();
      gallery.scrollIntoView();
      count.focus({ preventScroll: true });
    });
  }
  // The browser may restore the controls of an earlier visit.
  reset();
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling);
      button.textContent = "Selected";
    }
  });
}

// The keyboard needs to reach only boxes that scroll.
const boxes = new ResizeObserver((changes) => {
  for (const box of new Set(changes.map((change) => change.target.closest(".wide")))) {
    const scrolls = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
});
for (const box of document.querySelectorAll(".wide")) {
  boxes.observe(box);
  boxes.observe(box.firstElementChild);
}
