/** How the window looks on this device, and in which language. */
import type { ChangeEvent } from 'react'
import { changePreferences, usePreferences } from '../../app/preferences.js'
import { currentLanguage, type Language, languages, t, takeLanguage } from '../../i18n/index.js'
import { SelectField } from '../../ui/field.js'

export function LookSection() {
  const preferences = usePreferences()
  return (
    <section>
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
  )
}

async function changeLanguage(event: ChangeEvent<HTMLSelectElement>): Promise<void> {
  const language = event.target.value as Language
  await takeLanguage(language)
  changePreferences({ language })
}
