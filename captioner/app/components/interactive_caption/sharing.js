// Below the sentence: copy it, change it, have it as alt text or read aloud, another version, a picture of it.
// What a visitor changes stays in this tab of the browser; the server sees it only on the card.

const SHORT = 3000 // milliseconds for which a button says what it has done
const ICONS = {
  copy: "M9 9h12v12H9zM5 15H3V3h12v2",
  done: "M4 12l5 5L20 6",
  edit: "M4 20h4L20 8l-4-4L4 16z",
  alt: "M4 6h16M4 12h16M4 18h9",
  back: "M9 5L4 10l5 5M4 10h10a6 6 0 0 1 0 12h-3",
  another: "M20 12a8 8 0 1 1-2.3-5.7L20 8.5M20 3.5v5h-5",
  card: "M3 4h18v16H3zM3 16l5-5 5 5 3-3 5 5M16 9h.01",
  read: "M4 9v6h4l5 4V5L8 9zM17 8.5a5 5 0 0 1 0 7",
}
const DONE = new Set(["copied", "saved"])
const [ALT, PLAIN] = ["captioner alt text", "captioner plain words"] // switches, in this tab's storage

class Sharing {
  constructor(root, announce) {
    const find = (selector) => root.querySelector(selector)
    Object.assign(this, { root, announce, data: null, editing: false, original: "" })
    Object.assign(this, { field: find(".field"), area: find("textarea"), plain: find(".plain input") })
    this.buttons = Object.fromEntries(
      [...root.querySelectorAll("[data-action]")].map((button) => [button.dataset.action, button]),
    )
    for (const [name, button] of Object.entries(this.buttons)) {
      button.querySelector("path").setAttribute("d", ICONS[name])
      button.addEventListener("click", () => this[name]())
    }
    this.area.addEventListener("input", () => this.onInput())
    this.plain.addEventListener("change", () => this.setSwitch(PLAIN, !this.plain.checked))
    this.buttons.read.hidden = !window.speechSynthesis
    document.addEventListener("captioner-saved", () => this.say("card", "saved"))
  }

  update(data) {
    const same = this.data && ["picture", "sentence", "alt", "alt_plain"].every((k) => this.data[k] === data[k])
    this.data = data
    for (const [name, button] of Object.entries(this.buttons)) this.label(button, this.nameOf(name))
    this.root.querySelector(".plain span").textContent = data.texts.neutral
    this.root.querySelector(".kept").textContent = data.texts.kept
    this.root.querySelector(".actions").setAttribute("aria-label", data.texts.actions)
    if (same) return
    this.stopReading()
    this.editing = false
    this.draw()
    if (window.captionerFocus) this.buttons[window.captionerFocus].focus({ preventScroll: true })
    window.captionerFocus = null
  }

  // The text of the kind that is asked for, as the server wrote it.
  draw() {
    const alt = this.isOn(ALT)
    this.plain.checked = !this.isOn(PLAIN)
    this.original = !alt ? this.data.sentence : this.isOn(PLAIN) ? this.data.alt_plain : this.data.alt
    this.area.maxLength = this.data.max_text
    this.area.value = this.stored() ?? this.original
    this.area.setAttribute("aria-label", alt ? this.data.texts.alt_label : this.data.texts.edit_label)
    this.root.querySelector(".kind").textContent = alt ? this.data.texts.alt_label : this.data.texts.edit_label
    this.root.querySelector(".plain").hidden = !alt || this.data.alt === this.data.alt_plain
    this.root.querySelector(".count").hidden = !alt
    this.buttons.alt.setAttribute("aria-pressed", String(alt))
    this.label(this.buttons.copy, this.nameOf("copy"))
    this.drawField()
  }

  drawField() {
    const edited = this.area.value !== this.original
    const open = this.isOn(ALT) || this.editing || edited
    const count = this.area.value.length
    this.field.hidden = !open
    this.buttons.edit.setAttribute("aria-expanded", String(open))
    this.buttons.back.hidden = !edited
    const counter = this.root.querySelector(".count")
    counter.textContent = this.data.texts.count.replace("{count}", count)
    counter.classList.toggle("over", count > this.data.max_length)
    this.area.style.height = "auto" // so that it is as high as its text
    if (open) this.area.style.height = `${this.area.scrollHeight + 2}px`
  }

  text() {
    return this.field.hidden ? this.data.sentence : this.area.value
  }

  async copy() {
    const done = await copyText(this.text(), this.buttons.copy)
    this.say("copy", done ? "copied" : "not_copied")
    if (done) return
    this.editing = true // there the text can be copied by hand
    this.drawField()
    this.area.select()
  }

  edit() {
    this.editing = this.field.hidden || this.isOn(ALT) || this.area.value !== this.original
    this.drawField()
    if (this.editing) this.area.focus()
  }

  alt() {
    this.editing = false
    this.setSwitch(ALT, !this.isOn(ALT))
    this.announce(this.isOn(ALT) ? this.text() : this.data.sentence)
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth"
    this.field.scrollIntoView({ block: "nearest", behavior })
  }

  another() {
    this.say("another", "writing")
    window.captionerFocus = "another" // the next version is drawn as a new component
    this.report("another", { text: this.data.sentence })
  }

  card() {
    this.say("card", "drawing")
    this.report("card", { text: this.text().trim() || this.data.sentence, id: String(Date.now()) })
  }

  back() {
    this.area.value = this.original
    this.editing = true // the field stays, and with it the focus
    this.onInput()
    this.area.focus()
  }

  read() {
    if (this.utterance) return this.stopReading()
    this.utterance = new SpeechSynthesisUtterance(this.text())
    this.utterance.lang = "en"
    this.utterance.onend = this.utterance.onerror = () => this.stopReading()
    speechSynthesis.speak(this.utterance)
    this.label(this.buttons.read, this.data.texts.stop)
  }

  stopReading() {
    if (!this.utterance) return
    this.utterance = null
    speechSynthesis.cancel()
    this.label(this.buttons.read, this.data.texts.read)
  }

  onInput() {
    this.stopReading()
    const edited = this.area.value !== this.original
    store(this.slot(), edited ? this.area.value : null)
    this.drawField()
  }

  slot() {
    return `captioner text ${this.data.picture} ${this.original}`
  }

  stored() {
    return stored(this.slot())
  }

  isOn(name) {
    return stored(name) === "1"
  }

  setSwitch(name, on) {
    this.stopReading()
    store(name, on ? "1" : null)
    this.draw()
  }

  // A button says for a moment what it has done, to the eye and to a screen reader.
  say(name, text) {
    const button = this.buttons[name]
    this.label(button, this.data.texts[text], DONE.has(text) ? "done" : name)
    this.announce(this.data.texts[text])
    clearTimeout(button.timer)
    button.timer = setTimeout(() => this.label(button, this.nameOf(name)), SHORT)
  }

  nameOf(button) {
    const { texts } = this.data
    return button === "copy" && this.isOn(ALT) ? texts.copy_alt : texts[button]
  }

  label(button, text, icon = button.dataset.action) {
    button.querySelector("span").textContent = text
    button.querySelector("path").setAttribute("d", ICONS[icon] ?? "")
  }
}

const memory = new Map() // where the browser keeps nothing

function stored(name) {
  try {
    return sessionStorage.getItem(name) ?? memory.get(name) ?? null
  } catch {
    return memory.get(name) ?? null
  }
}

function store(name, value) {
  memory.delete(name)
  try {
    if (value === null) sessionStorage.removeItem(name)
    else sessionStorage.setItem(name, value)
  } catch {
    if (value !== null) memory.set(name, value)
  }
}
