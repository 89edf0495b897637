/** A message in a few words, for quotes and announcements. */
import { t } from '../../i18n/index.js'
import { readVoice } from './composer/voice.js'
import { readPoll } from './timeline/poll.js'

const kinds = {
  'm.image': 'message.kind.image',
  'm.video': 'message.kind.video',
  'm.audio': 'message.kind.audio',
  'm.file': 'message.kind.file',
} as const

/** @returns at most 200 characters on one line */
export function previewOf(type: string, content: Record<string, unknown>): string {
  if (type === 'm.room.encrypted') return t('message.undecryptable')
  if (type.endsWith('poll.start')) return readPoll(content).question || t('message.poll')
  if (readVoice(content)) return t('voice.message')
  const body = typeof content.body === 'string' ? content.body : ''
  const kind = kinds[content.msgtype as keyof typeof kinds]
  const hasCaption = typeof content.filename === 'string' && content.filename !== body
  if (kind && !hasCaption) return t(kind)
  return stripReplyFallback(body).replace(/\s+/g, ' ').trim().slice(0, 200)
}

/** Older clients put the quoted message in front of the reply, each line with `>`. */
export const stripReplyFallback = (body: string) => (/^> <.*?>/.test(body) ? body.replace(/^(> .*\n?)+\n?/, '') : body)
