// A button that copies a text, for example a link.

const DONE = 2500 // milliseconds for which a button says that it has copied
const ICONS = {
  copy: "M9 9h12v12H9zM5 15H3V3h12v2",
  done: "M4 12l5 5L20 6",
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".copy-button")
  const [button, label, live] = ["button", "span", "[role=status]"].map((part) => root.querySelector(part))
  const icon = root.querySelector("path")
  const show = (text, path) => {
    label.textContent = text
    icon.setAttribute("d", path)
  }
  show(data.label, ICONS.copy)
  let timer = 0
  button.onclick = async () => {
    const done = await copyText(data.text, button)
    live.textContent = ""
    show(done ? data.copied : data.failed, done ? ICONS.done : ICONS.copy)
    live.textContent = label.textContent
    clearTimeout(timer)
    timer = setTimeout(() => show(data.label, ICONS.copy), DONE)
  }
  return () => clearTimeout(timer)
}
