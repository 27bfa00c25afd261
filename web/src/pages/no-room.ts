/** Replaces the page's content where its address names no room. */
export function sayNoRoom(): void {
  const main = document.querySelector("main");
  if (main === null) return;
  main.className = "home";
  const title = document.createElement("h1");
  title.textContent = "This address names no room";
  const words = document.createElement("p");
  words.textContent =
    "A room's name has up to 64 letters, digits and . _ ~ - ; check the link that you were sent.";
  const back = document.createElement("a");
  back.className = "button";
  back.href = "/";
  back.textContent = "To the rooms";
  const hero = document.createElement("section");
  hero.className = "hero";
  hero.append(title, words, back);
  main.replaceChildren(hero);
}
