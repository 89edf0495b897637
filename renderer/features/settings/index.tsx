/** Settings of this person: name, picture, password and sessions; of this device: appearance, language, privacy. */
import { KeyRound, type LucideIcon, Monitor, Palette, Shield, UserRound } from 'lucide-react'
import type { ComponentType } from 'react'
import { usePreferences } from '../../app/preferences.js'
import { navigate } from '../../app/route.js'
import { type TextKey, t } from '../../i18n/index.js'
import { SubPages } from '../../ui/sub-pages.js'
import { ComputerSection } from './computer-section.js'
import { EncryptionSection } from './encryption-section.js'
import { LookSection } from './look-section.js'
import { PasswordSection } from './password-section.js'
import { PrivacySection } from './privacy-section.js'
import { ProfileSection } from './profile-section.js'
import { SessionsSection } from './sessions-section.js'
import styles from './settings.module.css'

/** What stands together, by the last part of its address. */
const pages = {
  profile: ['settings.profile', UserRound, [ProfileSection]],
  security: ['settings.security', KeyRound, [PasswordSection, EncryptionSection, SessionsSection]],
  look: ['theme.label', Palette, [LookSection]],
  computer: ['settings.computer', Monitor, [ComputerSection]],
  privacy: ['settings.privacy', Shield, [PrivacySection]],
} as const satisfies Record<string, [TextKey, LucideIcon, ComponentType[]]>
type PageName = keyof typeof pages
const isPage = (name: string | undefined): name is PageName => name !== undefined && Object.hasOwn(pages, name)

export default function SettingsPage({ parts: [wanted] }: { parts: readonly string[] }) {
  usePreferences() // the language is one of them
  const page = isPage(wanted) ? wanted : 'profile'
  const [title, , sections] = pages[page]
  return (
    <SubPages
      label={t('profile.settings')}
      pages={(Object.keys(pages) as PageName[]).map((name) => ({
        ...{ name, Icon: pages[name][1] },
        label: t(pages[name][0]),
      }))}
      current={page}
      onChoose={(name) => navigate(`/settings/${name}`)}
    >
      <div className={styles.page}>
        <h1>
          <span className="visually-hidden">{t('profile.settings')}: </span>
          {t(title)}
        </h1>
        {sections.map((Section, index) => (
          <Section key={String(index)} />
        ))}
      </div>
    </SubPages>
  )
}
