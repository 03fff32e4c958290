// Stands before every script that copies: a component is one module, and no server is asked for another.

// Puts text into the clipboard; whether that worked. The focus stays on the button.
async function copyText(text, button) {
  try {
    if (!navigator.clipboard) return copySelected(text, button)
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copySelected(text, button) // the page around this one may forbid the other way
  }
}

// The older way, which needs neither https nor permission.
function copySelected(text, button) {
  const area = document.createElement("textarea")
  area.value = text
  area.style.cssText = "position: fixed; top: 0; opacity: 0"
  document.body.append(area)
  area.select()
  const done = document.execCommand("copy")
  area.remove()
  button.focus({ preventScroll: true })
  return done
}
