/** One of a few: radio buttons under a question. What is chosen shows at once, and goes back where it was refused. */
import { useEffect, useId, useState } from 'react'
import styles from './choice.module.css'

type ChoiceProps<Value extends string> = {
  legend: string
  options: readonly { value: Value; label: string }[]
  value: Value
  disabled?: boolean
  /** @returns whether it was taken; `value` then follows in its own time */
  onChoose: (value: Value) => Promise<boolean>
}

export function Choice<Value extends string>({ legend, options, value, disabled, onChoose }: ChoiceProps<Value>) {
  const name = useId()
  const [wanted, setWanted] = useState<Value>()
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever it has become counts from then on
  useEffect(() => setWanted(undefined), [value])
  const choose = async (next: Value) => {
    setWanted(next)
    if (!(await onChoose(next))) setWanted(undefined)
  }
  return (
    <fieldset className={styles.choice} disabled={disabled}>
      <legend>{legend}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === (wanted ?? value)}
            onChange={() => void choose(option.value)}
          />
          {option.label}
        </label>
      ))}
    </fieldset>
  )
}
