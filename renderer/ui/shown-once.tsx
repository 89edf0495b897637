/** Something to hand on that is shown now and never again, with a button that copies it. */
import { Check, Copy } from 'lucide-react'
import { useId, useState } from 'react'
import { t } from '../i18n/index.js'
import { copyText } from '../platform/clipboard.js'
import { Button } from './button.js'
import styles from './shown-once.module.css'

type ShownOnceProps = {
  label: string
  value: string
  hint?: string
  /** To be copied, not read: shown on one line, with what does not fit left out. */
  isLong?: boolean
}

export function ShownOnce({ label, value, hint, isLong }: ShownOnceProps) {
  const id = useId()
  const [copied, setCopied] = useState<'yes' | 'failed'>()
  const copy = () =>
    copyText(value).then(
      () => setCopied('yes'),
      () => setCopied('failed'),
    )
  return (
    <div className={styles.once}>
      <span className={styles.label} id={id}>
        {label}
      </span>
      <div className={styles.row}>
        <output className={`${styles.value} ${isLong ? styles.long : ''}`} aria-labelledby={id}>
          {value}
        </output>
        <Button onClick={() => void copy()}>
          {copied === 'yes' ? <Check size={16} aria-hidden /> : <Copy size={16} aria-hidden />}
          {t(copied === 'yes' ? 'common.copied' : 'common.copy')}
        </Button>
      </div>
      {copied === 'failed' && (
        <p className={styles.hint} role="alert">
          {t('common.copyFailed')}
        </p>
      )}
      {hint && <p className={styles.hint}>{hint}</p>}
    </div>
  )
}
