// A row for each picture: its alt text in a field, and a tick once somebody has read it.
// Every change is in this tab's storage at once, and on its way to the server a moment later.

const DELAY = 1000 // milliseconds without a further letter, after which the server hears of a change
const views = new WeakMap()
const memory = new Map() // where the browser keeps nothing

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".alt-texts")
  if (!views.has(root)) views.set(root, new View(root))
  const view = views.get(root)
  view.report = (text) => setStateValue("changes", text)
  view.update(data)
  return () => view.send()
}

class View {
  constructor(root) {
    Object.assign(this, { root, list: root.querySelector("ol"), status: root.querySelector("[role=status]") })
    Object.assign(this, { data: null, rows: [], timer: 0 })
    // The fields have no height before their tab is open, and another one when the window is turned.
    new ResizeObserver(() => this.rows.forEach((row) => this.fit(row.field))).observe(this.list)
  }

  update(data) {
    const before = this.data
    if (before?.id === data.id && before.neutral_words === data.neutral_words) return
    this.data = data
    this.touched = this.read() // index → what the visitor has made
    this.rows = data.rows.map((row) => this.row(row))
    this.list.replaceChildren(...this.rows.map((row) => row.item))
    this.rows.forEach((row) => this.fit(row.field))
    this.keep()
    this.send()
  }

  row({ index, image, thumbnail, warning, text, label }) {
    const made = this.touched[index] ?? { text, reviewed: false }
    const item = element("li")
    const picture = element("img", { src: thumbnail, alt: "" })
    picture.hidden = !thumbnail // a browser gives back only so many
    const field = element("textarea", { value: made.text, maxLength: this.data.max_text, rows: 1, lang: "en" })
    field.spellcheck = true
    field.setAttribute("aria-label", label)
    const tick = element("input", { type: "checkbox", checked: made.reviewed })
    const ticked = element("label", { className: "tick" }, tick, this.data.texts.reviewed)
    const length = element("span", { className: "length" })
    const name = element("span", { className: "file", textContent: image })
    const below = element("p", { className: "below" }, ticked, length, name)
    const note = element("p", { className: "warning", textContent: warning, hidden: !warning })
    item.append(picture, element("div", {}, field, below, note))
    const row = { item, field, tick, length, index, text }
    field.addEventListener("input", () => this.onInput(row))
    field.addEventListener("change", () => this.send())
    field.addEventListener("keydown", (event) => this.onKey(event, row))
    tick.addEventListener("change", () => this.onTick(row))
    return row
  }

  onInput(row) {
    this.fit(row.field)
    this.note(row)
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.send(), DELAY)
  }

  onTick(row) {
    this.note(row)
    this.send()
  }

  // Enter: this text is right, on to the next.
  onKey(event, row) {
    if (event.key !== "Enter" || event.isComposing) return
    event.preventDefault()
    row.tick.checked = true
    this.onTick(row)
    const next = this.rows[this.rows.indexOf(row) + 1]
    if (!next) return row.tick.focus()
    next.field.focus({ preventScroll: true })
    next.field.select()
    next.item.scrollIntoView({ block: "center" })
  }

  note({ index, field, tick, text }) {
    if (field.value === text && !tick.checked) delete this.touched[index]
    else this.touched[index] = { text: field.value, reviewed: tick.checked }
    this.keep()
  }

  keep() {
    const { id, slot, neutral_words, texts } = this.data
    this.changes = JSON.stringify({ id, neutral_words, touched: this.touched })
    memory.set(slot, this.changes)
    try {
      sessionStorage.setItem(slot, this.changes)
    } catch {} // the page says that nothing is kept
    const reviewed = this.rows.filter((row) => row.tick.checked).length
    this.status.textContent = texts.so_far.replace("{reviewed}", reviewed).replace("{count}", this.rows.length)
    for (const { field, length, item, tick } of this.rows) {
      item.classList.toggle("reviewed", tick.checked)
      const over = field.value.length > this.data.max_length
      length.textContent = over ? this.tooLong(field.value.length) : ""
    }
  }

  tooLong(count) {
    return this.data.texts.length.replace("{count}", count).replace("{most}", this.data.max_length)
  }

  send() {
    clearTimeout(this.timer)
    if (this.changes === this.sent) return
    this.sent = this.changes
    this.report(this.changes)
  }

  read() {
    try {
      const text = sessionStorage.getItem(this.data.slot) || memory.get(this.data.slot)
      const found = JSON.parse(text || "{}")
      return found.id === this.data.id ? found.touched : {}
    } catch {
      return {}
    }
  }

  fit(field) {
    field.style.height = "auto"
    field.style.height = `${field.scrollHeight + 2}px`
  }
}

function element(name, properties = {}, ...children) {
  const result = Object.assign(document.createElement(name), properties)
  result.append(...children)
  return result
}
