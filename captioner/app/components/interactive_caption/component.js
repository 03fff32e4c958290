// Picture and sentence: hover or focus a word, and the overlay shows where the model looked.
// All of it happens here in the browser; the server hears only of a pinned word.
// Texts that come from files (words, names) become text nodes, never HTML.

const MAX_SIDE = 360 // pixels of the overlay, which the browser scales up
const MAX_OPACITY = 0.58
const FAINT = 0.2 // shares of the highest attention: below the first nothing is drawn, from the second on all
const FULL = 0.95
const LOW_COLOR = [124, 58, 237] // RGB, from little attention …
const HIGH_COLOR = [255, 45, 120] // … to the most
const STEP = 1100 // milliseconds a word while the sentence plays
const HEADER = 72 // pixels: Streamlit's, with some space
const ROOM = 0.6 // of the window's height: what is below this is free for the details of a pinned word

const PALETTE = Array.from({ length: 256 }, (_, value) => color(value / 255))
const WHITE = packed([255, 255, 255, 235])

const views = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".caption")
  if (!views.has(root)) views.set(root, new View(root))
  const view = views.get(root)
  view.report = (word) => setTriggerValue("pin", { word, key: data.key })
  view.sharing.report = setTriggerValue
  root.hidden = false
  view.update(data)
  hidePlain()
  return () => {
    view.pause()
    view.sharing.stopReading()
  }
}

// Now that this works, what stands on the page for browsers without it (plain.py) goes.
function hidePlain() {
  const name = "captioner-plain"
  if (document.getElementById(name)) return
  const style = document.createElement("style")
  style.id = name
  style.textContent = ":has(> .st-key-plain-caption) { display: none }"
  document.head.append(style)
}

class View {
  constructor(root) {
    const find = (selector) => root.querySelector(selector)
    Object.assign(this, { root, picture: find(".picture"), image: find("img"), canvas: find("canvas") })
    Object.assign(this, { words: find(".words"), play: find(".play"), live: find(".live") })
    this.sharing = new Sharing(root, (text) => (this.live.textContent = text))
    this.data = null
    this.pinned = this.hovered = this.focused = this.playing = null // indices of words
    this.timer = 0
    this.calm = matchMedia("(prefers-reduced-motion: reduce)")
    this.calm.addEventListener("change", () => this.pause())
    this.play.addEventListener("click", () => this.onPlay())
    this.words.addEventListener("keydown", (event) => this.onKey(event))
    this.words.addEventListener("focusout", () => this.show({ focused: null }))
    this.words.addEventListener("pointerleave", () => this.show({ hovered: null }))
  }

  update(data) {
    if (data === this.data) return // only the theme is another
    const before = this.data
    this.data = data
    if (this.image.getAttribute("src") !== data.picture) this.image.src = data.picture
    this.image.alt = data.sentence
    this.picture.style.setProperty("--ratio", data.width / data.height)
    this.write(".title", data.title)
    data.note.forEach((text, part) => this.write(`.note > :nth-child(${part + 1})`, text))
    this.root.querySelector(".note").hidden = !data.note.some(Boolean)
    this.write(".sentence", data.sentence)
    const hasAttention = data.words.some((word) => word.attention)
    this.write(".hint", hasAttention ? data.texts.select : data.texts.select_without_attention)
    this.root.querySelector(".hint").classList.toggle("visually-hidden", hasAttention) // see hint()
    this.play.hidden = !hasAttention
    const same = before?.key === data.key && JSON.stringify(before.words) === JSON.stringify(data.words)
    if (!same) this.drawWords()
    this.drawLegend()
    this.labelPlay()
    this.sharing.update(data.sharing)
  }

  write(selector, text) {
    const element = this.root.querySelector(selector)
    element.textContent = text
    element.hidden = !text
  }

  drawWords() {
    const { words, pinned, texts } = this.data
    const focus = this.focusedIndex()
    this.halt()
    this.overlays = new Map() // index → canvas
    this.hovered = this.focused = null
    this.pinned = pinned
    this.words.setAttribute("aria-label", texts.words)
    this.buttons = words.map((word, index) => {
      const button = document.createElement("button")
      button.type = "button"
      button.className = ["word", index ? "" : "first", word.style].filter(Boolean).join(" ")
      button.textContent = word.text
      button.setAttribute("aria-label", word.name)
      button.addEventListener("click", () => this.pin(this.pinned === index ? null : index))
      button.addEventListener("focus", () => this.onFocus(index))
      button.addEventListener("pointerenter", (event) => {
        if (event.pointerType !== "mouse") return
        this.halt()
        this.show({ hovered: index })
      })
      return button
    })
    this.words.replaceChildren(...this.buttons.slice(0, -1).flatMap((button) => [button, " "]))
    this.words.append(...this.buttons.slice(-1), this.data.finished ? "" : "…")
    if (words.at(-1)?.end) this.keepTogether(this.buttons.slice(-2))
    this.drawPinned()
    if (focus >= 0) this.buttons[Math.min(focus, words.length - 1)]?.focus()
  }

  // No line begins with the end mark.
  keepTogether(buttons) {
    const group = document.createElement("span")
    group.className = "together"
    buttons[0].before(group)
    group.append(...buttons)
  }

  drawLegend() {
    const legend = this.root.querySelector(".legend")
    legend.replaceChildren(
      ...this.data.legend.map(({ text, style }) => {
        const item = document.createElement("li")
        const sample = document.createElement("span")
        sample.className = style
        sample.textContent = text
        item.append(sample)
        return item
      }),
    )
    legend.hidden = !this.data.legend.length
  }

  focusedIndex() {
    return (this.buttons ?? []).indexOf(this.words.getRootNode().activeElement)
  }

  onFocus(index) {
    this.buttons.forEach((button, other) => (button.tabIndex = other === index ? 0 : -1))
    this.halt()
    this.show({ focused: index })
    this.live.textContent = this.data.words[index].place
  }

  onKey(event) {
    const index = this.focusedIndex()
    const last = this.buttons.length - 1
    const next = { ArrowRight: index + 1, ArrowDown: index + 1, ArrowLeft: index - 1, ArrowUp: index - 1 }
    const goal = { ...next, Home: 0, End: last }[event.key]
    if (index < 0 || event.altKey || event.ctrlKey || event.metaKey) return
    if (goal !== undefined) {
      event.preventDefault()
      this.buttons[Math.max(0, Math.min(goal, last))].focus()
    } else if (event.key === "Escape") {
      event.preventDefault()
      if (this.pinned !== null) this.pin(null)
      this.show({ focused: null, hovered: null })
    }
  }

  pin(index) {
    this.pinned = index
    this.drawPinned()
    this.live.textContent = index === null ? this.data.texts.unpinned : this.data.texts.pinned
    this.report(index)
    if (index !== null) this.makeRoom()
  }

  // Scroll until what opens below is in view, but never past the words, nor under a picture that stays.
  makeRoom() {
    const stays = getComputedStyle(this.picture).position === "sticky" ? this.picture.offsetHeight : 0
    const needed = this.root.getBoundingClientRect().bottom - ROOM * innerHeight
    const possible = this.words.getBoundingClientRect().top - HEADER - stays
    const distance = possible < 0 ? possible : Math.max(0, Math.min(needed, possible))
    const main = this.root.getRootNode().host.closest("[data-testid=stMain]")
    const behavior = this.calm.matches ? "instant" : "smooth"
    if (distance) main?.scrollBy({ top: distance, behavior })
  }

  drawPinned() {
    this.picture.classList.toggle("stays", this.pinned !== null)
    this.buttons.forEach((button, index) => {
      button.setAttribute("aria-pressed", String(index === this.pinned))
      button.tabIndex = index === (this.pinned ?? 0) ? 0 : -1
    })
    this.show({})
  }

  show(change) {
    Object.assign(this, change)
    const index = this.playing ?? this.hovered ?? this.focused ?? this.pinned
    this.buttons?.forEach((button, other) => button.classList.toggle("active", other === index))
    const word = index === null ? null : this.data.words[index]
    const shown = Boolean(word?.attention)
    this.picture.classList.toggle("shown", shown)
    this.write(".place", word ? word.place : this.hint())
    if (shown) this.drawOverlay(index)
  }

  // What to do, while no word is pointed at.
  hint() {
    const { tap, point } = this.data.texts
    if (this.play.hidden) return ""
    return matchMedia("(hover: none)").matches ? tap : point
  }

  drawOverlay(index) {
    if (!this.overlays.has(index)) {
      const { attention } = this.data.words[index]
      this.overlays.set(index, overlay(attention, this.data))
    }
    const drawn = this.overlays.get(index)
    this.canvas.width = drawn.width
    this.canvas.height = drawn.height
    this.canvas.getContext("2d").drawImage(drawn, 0, 0)
  }

  onPlay() {
    const next = this.wordAfter(this.playing ?? -1)
    if (this.timer) this.pause()
    else if (this.calm.matches) this.show({ playing: next ?? null, hovered: null, focused: null })
    else this.step(next ?? this.wordAfter(-1))
  }

  // The next word with attention, or undefined after the last.
  wordAfter(index) {
    const found = this.data.words.findIndex((word, other) => other > index && word.attention && !word.end)
    return found < 0 ? undefined : found
  }

  step(index) {
    if (index === undefined) return this.pause()
    this.timer = setTimeout(() => this.step(this.wordAfter(index)), STEP)
    this.show({ playing: index, hovered: null, focused: null })
    this.labelPlay()
  }

  pause() {
    this.halt()
    this.show({})
  }

  halt() {
    clearTimeout(this.timer)
    this.timer = 0
    this.playing = null
    this.labelPlay()
  }

  labelPlay() {
    const { play, pause, step } = this.data?.texts ?? {}
    this.play.classList.toggle("playing", Boolean(this.timer))
    this.play.querySelector("span").textContent = this.timer ? pause : this.calm.matches ? step : play
  }
}

// Attention, a grid of rows with 1 at its peak, as a coloured layer for a picture of this shape, and a line
// around the place that has at least the share `outline` of the peak: that is the place which words describe.
function overlay(grid, { width, height, outline }) {
  const scale = MAX_SIDE / Math.max(width, height)
  const canvas = document.createElement("canvas")
  canvas.width = Math.max(1, Math.round(width * scale))
  canvas.height = Math.max(1, Math.round(height * scale))
  const values = enlarged(grid, canvas.width, canvas.height)
  const context = canvas.getContext("2d")
  const pixels = context.createImageData(canvas.width, canvas.height)
  const colors = new Uint32Array(pixels.data.buffer)
  for (let at = 0; at < values.length; at++) {
    colors[at] = onOutline(values, at, canvas.width, outline) ? WHITE : PALETTE[Math.round(255 * values[at])]
  }
  context.putImageData(pixels, 0, 0)
  return canvas
}

function onOutline(values, at, width, outline) {
  const inside = values[at] >= outline
  const right = (at + 1) % width ? at + 1 : at
  const below = at + width < values.length ? at + width : at
  return inside !== values[right] >= outline || inside !== values[below] >= outline
}

// The colour of an attention from 0 to 1: opaque and like HIGH_COLOR where it is high.
function color(value) {
  const share = Math.min(1, Math.max(0, (value - FAINT) / (FULL - FAINT)))
  const smooth = share * share * (3 - 2 * share)
  const rgb = LOW_COLOR.map((low, channel) => low + (HIGH_COLOR[channel] - low) * smooth)
  return packed([...rgb, 255 * MAX_OPACITY * smooth])
}

// Four bytes, RGBA, as the number that stands for them in an array of 32 bits.
function packed(rgba) {
  return new Uint32Array(Uint8ClampedArray.from(rgba).buffer)[0]
}

// The grid at every pixel, row by row, smooth (cubic B-spline, separable), with 1 at its peak.
function enlarged(grid, width, height) {
  const [columns, rows] = [spline(grid[0].length, width), spline(grid.length, height)]
  const across = grid.map((row) => columns.map((terms) => weighted(terms, row)))
  const result = new Float32Array(width * height)
  let peak = 1e-9
  for (let y = 0; y < height; y++) {
    const [[i, a], [j, b], [k, c], [l, d]] = rows[y]
    for (let x = 0; x < width; x++) {
      const value = a * across[i][x] + b * across[j][x] + c * across[k][x] + d * across[l][x]
      result[y * width + x] = value
      if (value > peak) peak = value
    }
  }
  return result.map((value) => value / peak)
}

function weighted(terms, values) {
  return terms.reduce((sum, [index, weight]) => sum + weight * values[index], 0)
}

// For each of `length` places along `count` values: the four values around it, as [index, weight].
function spline(count, length) {
  return Array.from({ length }, (_, at) => {
    const place = ((at + 0.5) / length) * count - 0.5
    const left = Math.floor(place)
    const t = place - left
    const weights = [(1 - t) ** 3, 3 * t ** 3 - 6 * t ** 2 + 4, -3 * t ** 3 + 3 * t ** 2 + 3 * t + 1, t ** 3]
    return weights.map((weight, offset) => {
      return [Math.max(0, Math.min(count - 1, left - 1 + offset)), weight / 6]
    })
  })
}
