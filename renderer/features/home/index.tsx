/** Home: the machine. */
export default function Home(_props: { parts: readonly string[] }) {
  return null
}
