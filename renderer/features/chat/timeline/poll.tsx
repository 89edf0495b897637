/** A poll as far as it can be shown: its question and what may be answered. Voting is not part of this app yet. */
import { t } from '../../../i18n/index.js'
import styles from './message-body.module.css'

type Poll = { question: string; answers: string[] }

const objectOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

/** Text of an extensible event, in its present form and in the one before that. */
function textOf(value: unknown): string {
  const content = objectOf(value)
  const parts = content['m.text']
  const first = Array.isArray(parts)
    ? objectOf(parts.find((part) => typeof objectOf(part).body === 'string')).body
    : parts
  const text = first ?? content['org.matrix.msc1767.text'] ?? content.body
  return typeof text === 'string' ? text.slice(0, 500) : ''
}

/**
 * Spec: https://github.com/matrix-org/matrix-spec-proposals/blob/main/proposals/3381-polls.md
 *
 * @param content from anyone
 */
export function readPoll(content: Record<string, unknown>): Poll {
  const poll = objectOf(content['m.poll'] ?? content['org.matrix.msc3381.poll.start'])
  const answers = Array.isArray(poll.answers) ? poll.answers.slice(0, 20) : []
  return { question: textOf(poll.question) || textOf(content), answers: answers.map(textOf).filter(Boolean) }
}

export function PollBody({ content }: { content: Record<string, unknown> }) {
  const { question, answers } = readPoll(content)
  return (
    <div className={styles.poll}>
      <b dir="auto">{question || t('message.poll')}</b>
      <ul>
        {answers.map((answer, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: answers have no identity but their place
          <li key={index} dir="auto">
            {answer}
          </li>
        ))}
      </ul>
      <small>{t('message.pollNote')}</small>
    </div>
  )
}
