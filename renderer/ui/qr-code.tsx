/** A QR code: black on white in every theme, since not every camera reads the reverse. */
import { generate } from 'lean-qr'
import { useMemo } from 'react'
import styles from './qr-code.module.css'

/** Light modules around it, as the standard wants. */
const margin = 4

export function QrCode({ text, label }: { text: string; label: string }) {
  const { path, size } = useMemo(() => draw(text), [text])
  return (
    <svg
      className={styles.code}
      viewBox={`${-margin} ${-margin} ${size + 2 * margin} ${size + 2 * margin}`}
      role="img"
      aria-label={label}
      shapeRendering="crispEdges"
    >
      <path d={path} />
    </svg>
  )
}

/** One path of all dark modules, each run of a row a rectangle. */
function draw(text: string): { path: string; size: number } {
  const code = generate(text)
  const parts: string[] = []
  for (let y = 0; y < code.size; y++)
    for (let x = 0; x < code.size; x++) {
      const from = x
      while (code.get(x, y)) x++
      if (x > from) parts.push(`M${from} ${y}h${x - from}v1h-${x - from}z`)
    }
  return { path: parts.join(''), size: code.size }
}
