/** The frame of pages that are seen before sign-in, or instead of the app: a card with the mark and a title. */
import type { ChangeEvent, ReactNode } from 'react'
import { currentLanguage, type Language, languages, t, takeLanguage } from '../i18n/index.js'
import { HearthMark } from '../ui/hearth-mark.js'
import { changePreferences } from './preferences.js'
import styles from './sign-in.module.css'

type OutsidePageProps = { title: string; aside?: string | undefined; withLanguage?: boolean; children: ReactNode }

export const OutsidePage = ({ title, aside, withLanguage, children }: OutsidePageProps) => (
  <main className={styles.page}>
    <div className={styles.card}>
      <header className={styles.head}>
        <div className={styles.top}>
          <HearthMark size={32} />
          {withLanguage && <LanguageChoice />}
        </div>
        <h1>{title}</h1>
        {aside && <p className={styles.aside}>{aside}</p>}
      </header>
      {children}
    </div>
  </main>
)

async function choose(event: ChangeEvent<HTMLSelectElement>): Promise<void> {
  const language = event.target.value as Language
  await takeLanguage(language)
  changePreferences({ language })
}

const LanguageChoice = () => (
  <select
    className={styles.language}
    aria-label={t('language.label')}
    value={currentLanguage()}
    onChange={(event) => void choose(event)}
  >
    {Object.entries(languages).map(([language, name]) => (
      <option key={language} value={language}>
        {name}
      </option>
    ))}
  </select>
)
