/** What every Home page has: a head, and instead of its body what stands in the way of showing it. */
import type { ReactNode } from 'react'
import { useAdmin } from '../../app/server-info.js'
import { t } from '../../i18n/index.js'
import { explainError, MatrixRequestError } from '../../platform/matrix/errors.js'
import { Banner, Skeleton } from '../../ui/bits.js'
import { Button } from '../../ui/button.js'
import styles from './page.module.css'

type PageHeadProps = { title: string; aside?: ReactNode; actions?: ReactNode }

export const PageHead = ({ title, aside, actions }: PageHeadProps) => (
  <header className={styles.head}>
    <h1>{title}</h1>
    {aside && <span className={styles.aside}>{aside}</span>}
    {actions && <span className={styles.actions}>{actions}</span>}
  </header>
)

/** Its children once the server has said that this is an administrator; whoever is none does not come here (`index.tsx`). */
export function AdminsOnly({ title, children }: { title: string; children: ReactNode }) {
  if (useAdmin()) return children
  return (
    <div className={styles.page}>
      <PageHead title={title} />
      <LoadingRows />
    </div>
  )
}

export const LoadingRows = ({ count = 6 }: { count?: number }) => (
  <div className={styles.loading} role="status" aria-label={t('common.loading')}>
    {Array.from({ length: count }, (_, index) => (
      <Skeleton key={String(index)} width={`${88 - ((index * 17) % 40)}%`} height={18} />
    ))}
  </div>
)

export function LoadFailed({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const isUnknown = error instanceof MatrixRequestError && error.errcode === 'M_UNRECOGNIZED'
  return (
    <Banner
      tone={isUnknown ? 'plain' : 'bad'}
      action={!isUnknown && <Button onClick={onRetry}>{t('common.retry')}</Button>}
    >
      {isUnknown ? t('home.notOffered') : `${t('home.failed')}. ${explainError(error)}`}
    </Banner>
  )
}

/** Name and value pairs of a detail panel. */
export const Facts = ({ children }: { children: ReactNode }) => <dl className={styles.facts}>{children}</dl>

export const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)
