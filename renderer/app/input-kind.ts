/** Says on `<html>` whether the person is at the keyboard or at the mouse, for rings that only one of them needs. */
export function followInputKind(): void {
  const root = document.documentElement
  const take = (kind: 'keyboard' | 'pointer') => {
    if (root.dataset.input !== kind) root.dataset.input = kind
  }
  window.addEventListener('pointerdown', () => take('pointer'), { capture: true })
  // Typing says nothing: everybody types.
  window.addEventListener('keydown', ({ key }) => key === 'Tab' && take('keyboard'), { capture: true })
}
