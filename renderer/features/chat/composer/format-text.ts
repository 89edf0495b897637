/** Setting a stretch of the text in bold and so on, as markdown: pure. */
export type Format = 'bold' | 'italic' | 'code' | 'quote' | 'list'
export type Stretch = { text: string; start: number; end: number }

const around: Partial<Record<Format, string>> = { bold: '**', italic: '*', code: '`' }
const beforeLines: Partial<Record<Format, string>> = { quote: '> ', list: '- ' }

/** @returns the text, and what of it is then selected: the same words */
export function formatted({ text, start, end }: Stretch, format: Format): Stretch {
  const mark = around[format]
  const chosen = text.slice(start, end)
  if (mark !== undefined)
    return {
      text: text.slice(0, start) + mark + chosen + mark + text.slice(end),
      start: start + mark.length,
      end: end + mark.length,
    }
  const lead = beforeLines[format] ?? ''
  const from = text.lastIndexOf('\n', start - 1) + 1
  const lines = text.slice(from, end).split('\n')
  const set = lines.map((line) => lead + line).join('\n')
  return { text: text.slice(0, from) + set + text.slice(end), start: start + lead.length, end: from + set.length }
}

export const inserted = ({ text, start, end }: Stretch, piece: string): Stretch => ({
  text: text.slice(0, start) + piece + text.slice(end),
  start: start + piece.length,
  end: start + piece.length,
})
