/** Saves what a route answers as a file. */
const KEPT_MS = 60_000; // the browser reads it after the click

export async function save(read: (path: string) => Promise<Blob>, path: string, name: string): Promise<void> {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await read(path));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}
