/** Every version of an edited message, newest first. */
import { formatDateTime } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { Dialog } from '../../../ui/dialog.js'
import { stripReplyFallback } from '../message-preview.js'
import type { MessageItem } from '../timeline/timeline-items.js'
import styles from './people.module.css'

export function VersionsDialog({ item, onClose }: { item: MessageItem; onClose: () => void }) {
  const versions = [...item.versions, { ts: item.editedTs ?? item.ts, content: item.content }].reverse()
  return (
    <Dialog title={t('message.history')} onClose={onClose} width="wide">
      <ul className={styles.versions}>
        {versions.map(({ ts, content }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two edits may share a time
          <li key={index} dir="auto">
            <time>{formatDateTime(ts)}</time>
            {stripReplyFallback(String(content.body ?? ''))}
          </li>
        ))}
      </ul>
    </Dialog>
  )
}
