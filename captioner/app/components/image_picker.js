// Hands files that are pasted, or dropped anywhere on the page, to the uploader of the picker's card.
// Without this, a file that misses the dashed box would replace the page.

const card = () => document.querySelector(".st-key-picker")
const holdsFiles = (transfer) => [...(transfer?.types ?? [])].includes("Files")
const isInUploader = (event) => event.target.closest?.('[data-testid="stFileUploaderDropzone"]')
const isText = (event) => event.target.closest?.("input:not([type=file]), textarea, [contenteditable=true]")

function give(files) {
  const input = card()?.querySelector("input[type=file]")
  if (!input || !files.length) return
  const transfer = new DataTransfer()
  for (const file of files) transfer.items.add(file)
  input.files = transfer.files
  input.dispatchEvent(new Event("change", { bubbles: true }))
}

function mark(on) {
  card()?.classList.toggle("files-above", on)
}

export default function () {
  const ended = new AbortController()
  const on = (name, listener) => document.addEventListener(name, listener, { signal: ended.signal })
  on("paste", (event) => {
    if (!isText(event)) give(event.clipboardData.files)
  })
  on("dragover", (event) => {
    if (!holdsFiles(event.dataTransfer)) return
    event.preventDefault()
    mark(true)
  })
  on("dragleave", (event) => {
    if (!event.relatedTarget) mark(false) // the pointer has left the page
  })
  on("drop", (event) => {
    mark(false)
    if (!holdsFiles(event.dataTransfer) || isInUploader(event)) return
    event.preventDefault()
    give(event.dataTransfer.files)
  })
  return () => ended.abort()
}
