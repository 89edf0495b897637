/** Form fields: each with its label, its hint, and its error tied to it for screen readers. */
import { Search } from 'lucide-react'
import { type ComponentProps, type ReactNode, useId } from 'react'
import styles from './field.module.css'

type FieldFrame = { label: string; hint?: ReactNode; error?: string | undefined }

function Frame({ id, label, hint, error, children }: FieldFrame & { id: string; children: ReactNode }) {
  return (
    <div className={styles.field}>
      <label className={styles.label} htmlFor={id}>
        {label}
      </label>
      {children}
      {error ? (
        <p className={styles.error} id={`${id}-note`} role="alert">
          {error}
        </p>
      ) : (
        hint && (
          <p className={styles.hint} id={`${id}-note`}>
            {hint}
          </p>
        )
      )}
    </div>
  )
}

const noteOf = (id: string, { hint, error }: FieldFrame) => (hint || error ? `${id}-note` : undefined)

export function TextField({ label, hint, error, ...rest }: FieldFrame & Omit<ComponentProps<'input'>, 'id'>) {
  const id = useId()
  return (
    <Frame id={id} label={label} hint={hint} error={error}>
      <input
        id={id}
        className={styles.input}
        aria-invalid={error ? true : undefined}
        aria-describedby={noteOf(id, { label, hint, error })}
        {...rest}
      />
    </Frame>
  )
}

export function TextArea({ label, hint, error, ...rest }: FieldFrame & Omit<ComponentProps<'textarea'>, 'id'>) {
  const id = useId()
  return (
    <Frame id={id} label={label} hint={hint} error={error}>
      <textarea
        id={id}
        className={styles.input}
        aria-invalid={error ? true : undefined}
        aria-describedby={noteOf(id, { label, hint, error })}
        {...rest}
      />
    </Frame>
  )
}

export function SelectField({ label, hint, error, ...rest }: FieldFrame & Omit<ComponentProps<'select'>, 'id'>) {
  const id = useId()
  return (
    <Frame id={id} label={label} hint={hint} error={error}>
      <select id={id} className={styles.input} aria-describedby={noteOf(id, { label, hint, error })} {...rest} />
    </Frame>
  )
}

/** A search box; its label is for screen readers only. */
export function SearchField({ label, ...rest }: { label: string } & Omit<ComponentProps<'input'>, 'id' | 'type'>) {
  return (
    <div className={styles.search}>
      <Search size={16} aria-hidden />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        className={`${styles.input} ${styles.compact}`}
        {...rest}
      />
    </div>
  )
}

export function Switch({ label, hint, ...rest }: FieldFrame & Omit<ComponentProps<'input'>, 'id' | 'type'>) {
  return (
    <label className={styles.switch}>
      <span className={styles.switchText}>
        <span className={styles.label}>{label}</span>
        {hint && <span className={styles.hint}>{hint}</span>}
      </span>
      <input type="checkbox" role="switch" aria-checked={rest.checked} {...rest} />
    </label>
  )
}
