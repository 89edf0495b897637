/** Commands of the composer: `/name rest`. Two slashes send the text with one. */
import type { TextKey } from '../../../i18n/index.js'

export const commandNames = ['me', 'shrug', 'plain', 'invite', 'topic', 'join', 'leave'] as const
export type CommandName = (typeof commandNames)[number]

export type Parsed =
  | { kind: 'text'; text: string }
  | { kind: 'command'; name: CommandName; rest: string }
  | { kind: 'unknown'; name: string }

export function parseCommand(text: string): Parsed {
  if (text.startsWith('//')) return { kind: 'text', text: text.slice(1) }
  const match = /^\/([A-Za-z]+)(?:\s+([\s\S]*))?$/.exec(text)
  if (!match) return { kind: 'text', text }
  const name = match[1]!.toLowerCase()
  const known = commandNames.find((each) => each === name)
  return known ? { kind: 'command', name: known, rest: match[2]?.trim() ?? '' } : { kind: 'unknown', name }
}

export const describeCommand = (name: CommandName): TextKey => `command.${name}`
