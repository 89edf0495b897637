/** Settings of this person: name, picture, password and sessions; of this device: appearance, language, privacy. */
import { type ChangeEvent, useState } from 'react'
import { changePreferences, usePreferences } from '../../app/preferences.js'
import { useServices } from '../../app/services.js'
import { showMyProfile, useMyProfile } from '../../app/use-my-profile.js'
import { currentLanguage, type Language, languages, t, takeLanguage } from '../../i18n/index.js'
import { explainError } from '../../platform/matrix/errors.js'
import { localpartOf } from '../../platform/matrix/login-session.js'
import { Avatar } from '../../ui/avatar.js'
import { Button } from '../../ui/button.js'
import { SelectField, Switch, TextField } from '../../ui/field.js'
import { showToast } from '../../ui/toast.js'
import { ComputerSection } from './computer-section.js'
import { PasswordSection } from './password-section.js'
import { SessionsSection } from './sessions-section.js'
import styles from './settings.module.css'

export default function SettingsPage(_props: { parts: readonly string[] }) {
  const preferences = usePreferences()
  return (
    <div className={styles.page}>
      <h1>{t('profile.settings')}</h1>
      <ProfileSection />
      <section>
        <h2>{t('theme.label')}</h2>
        <SelectField
          label={t('theme.theme')}
          value={preferences.theme}
          onChange={(event) => changePreferences({ theme: event.target.value as typeof preferences.theme })}
        >
          {(['system', 'light', 'dark'] as const).map((theme) => (
            <option key={theme} value={theme}>
              {t(`theme.${theme}`)}
            </option>
          ))}
        </SelectField>
        <SelectField label={t('language.label')} value={currentLanguage()} onChange={changeLanguage}>
          {Object.entries(languages).map(([language, name]) => (
            <option key={language} value={language}>
              {name}
            </option>
          ))}
        </SelectField>
      </section>
      <PasswordSection />
      <SessionsSection />
      <ComputerSection />
      <section>
        <h2>{t('settings.privacy')}</h2>
        <Switch
          label={t('settings.receipts')}
          hint={t('settings.receiptsHint')}
          checked={preferences.sendReceipts}
          onChange={(event) => changePreferences({ sendReceipts: event.target.checked })}
        />
        <Switch
          label={t('settings.typing')}
          checked={preferences.sendTyping}
          onChange={(event) => changePreferences({ sendTyping: event.target.checked })}
        />
      </section>
    </div>
  )
}

async function changeLanguage(event: ChangeEvent<HTMLSelectElement>): Promise<void> {
  const language = event.target.value as Language
  await takeLanguage(language)
  changePreferences({ language })
}

function ProfileSection() {
  const { matrix, session } = useServices()
  const profile = useMyProfile()
  const [name, setName] = useState<string>()
  const shown = name ?? profile.displayname ?? ''

  const change = async (work: () => Promise<void>) => {
    try {
      await work()
      showToast(t('settings.saved'))
    } catch (error) {
      showToast(explainError(error), 'bad')
    }
  }
  const saveName = () =>
    change(async () => {
      await matrix.setDisplayName(session.userId, shown.trim())
      showMyProfile(session.userId, { displayname: shown.trim() })
    })
  const savePicture = (file: File) =>
    change(async () => {
      const avatar_url = await matrix.media.upload(file, { fileName: file.name })
      await matrix.setAvatarUrl(session.userId, avatar_url)
      showMyProfile(session.userId, { avatar_url })
    })

  return (
    <section>
      <h2>{t('settings.profile')}</h2>
      <div className={styles.profile}>
        <Avatar
          id={session.userId}
          name={profile.displayname ?? localpartOf(session.userId)}
          mxc={profile.avatar_url}
          size={64}
        />
        <div>
          <label className={styles.picture}>
            {t('settings.picture')}
            <input
              type="file"
              accept="image/*"
              className="visually-hidden"
              onChange={(event) => event.target.files?.[0] && savePicture(event.target.files[0])}
            />
          </label>
          <p className={styles.id}>{session.userId}</p>
        </div>
      </div>
      <form
        className={styles.name}
        onSubmit={(event) => {
          event.preventDefault()
          void saveName()
        }}
      >
        <TextField
          label={t('settings.displayName')}
          value={shown}
          maxLength={120}
          onChange={(event) => setName(event.target.value)}
        />
        <Button type="submit" disabled={shown.trim() === (profile.displayname ?? '')}>
          {t('common.save')}
        </Button>
      </form>
    </section>
  )
}
