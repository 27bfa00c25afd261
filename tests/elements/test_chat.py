"""`<braidcast-chat>` and the pages around it, in a real Chromium."""

import pytest

from tests.elements.conftest import Open
from tests.elements.director import OWN, Director
from tests.elements.watching import eventually

pytestmark = pytest.mark.asyncio

ANA, BOB = "b1" * 16, "b2" * 16


async def test_messages_are_shown_as_text_and_in_order(watching: Open) -> None:
    async with watching(Director(stream_state=None), path="/chat/demo") as viewer:
        log = viewer.page.get_by_role("log")
        await viewer.director.say(ANA, "Ana", "<img src=x onerror=alert(1)>")
        await log.get_by_text("<img src=x onerror=alert(1)>").wait_for()
        field = viewer.page.get_by_label("Message", exact=True)
        await field.fill("Hello")
        await field.press("Enter")
        await viewer.told("send", text="Hello")
        await log.get_by_text("Hello").wait_for()
        assert await field.input_value() == ""
        messages = await viewer.page.evaluate("document.querySelector('braidcast-chat').messages")
        assert [(message["author"], message["text"]) for message in messages] == [
            (ANA, "<img src=x onerror=alert(1)>"),
            (OWN, "Hello"),
        ]
        assert sorted(messages[0]) == ["author", "id", "name", "text", "time"]


async def test_markdown_is_shown_and_leads_nobody_astray(watching: Open) -> None:
    async with watching(Director(stream_state=None), path="/chat/demo") as viewer:
        log = viewer.page.get_by_role("log")
        text = f"**bold** [bank](https://evil.example) [x](javascript:alert(1)) <b>@[me]({OWN})"
        await viewer.director.say(ANA, "Ana", f"{text}\n```\n{'w' * 300}\n```")
        await log.get_by_text("bold", exact=True).wait_for()
        link = log.get_by_role("link")
        assert await link.text_content() == "bank (evil.example)"
        assert await link.get_attribute("target") == "_blank"
        assert await link.get_attribute("rel") == "noopener noreferrer nofollow ugc"
        shown = await log.locator(".text").first.inner_html()
        assert f'<span class="mention hue-{int(OWN[:4], 16) % 12} own">@me</span>' in shown
        assert "&lt;b&gt;" in shown
        code = log.locator("pre")
        assert await code.get_attribute("tabindex") == "0"
        assert await code.evaluate("(block) => block.scrollWidth > block.clientWidth")
        assert await log.evaluate("(list) => list.scrollWidth <= list.clientWidth")
        await log.get_by_role("button", name="Copy").click()
        await log.get_by_role("button", name="Copied").wait_for()


async def test_somebody_who_reads_above_is_not_moved(watching: Open) -> None:
    director = Director(stream_state=None)
    async with watching(director, path="/chat/demo") as viewer:
        for number in range(60):
            await director.say(ANA, "Ana", f"message {number}")
        log = viewer.page.get_by_role("log")
        await log.get_by_text("message 59").wait_for()
        await log.evaluate("(list) => { list.scrollTop = 0; }")
        button = viewer.page.get_by_role("button", name="1 new message")
        await director.say(ANA, "Ana", "the newest")
        await button.wait_for()
        assert await log.evaluate("(list) => list.scrollTop") == 0
        await button.click()
        await log.get_by_text("the newest").wait_for()

        async def moved() -> bool:
            return bool(await log.evaluate("(list) => list.scrollTop > 0"))

        await eventually(moved, "the list goes to its end")


async def test_news_that_comes_before_the_browser_tells_of_scrolling_moves_nobody(watching: Open) -> None:
    director = Director(stream_state=None)
    async with watching(director, path="/chat/demo") as viewer:
        for number in range(60):
            await director.say(ANA, "Ana", f"message {number}")
        log = viewer.page.get_by_role("log")
        await log.get_by_text("message 59").wait_for()
        # The browser tells of scrolling with its next frame; here it never does.
        await log.evaluate(
            """(list) => {
                 list.getRootNode().addEventListener("scroll", (event) => event.stopPropagation(), true);
                 list.scrollTop = 0;
               }"""
        )
        await director.say(ANA, "Ana", "the newest")
        await viewer.page.get_by_role("button", name="1 new message").wait_for()
        assert await log.evaluate("(list) => list.scrollTop") == 0


async def test_nothing_can_be_sent_before_the_room_is_joined(watching: Open) -> None:
    async with watching(Director(stream_state=None, room_state="connecting"), path="/chat/demo") as viewer:
        await viewer.page.get_by_text("Joining the room; sending is possible in a moment.").wait_for()
        assert await viewer.page.get_by_role("button", name="Send").is_disabled()
        refused = await viewer.page.evaluate(
            """document.querySelector('braidcast-chat').send('too soon')
                 .then(() => null, (error) => error.message)"""
        )
        assert "Not connected" in refused
        await viewer.director.set_room("joined")
        await viewer.page.locator("button[type=submit]:enabled").wait_for()


async def test_the_page_of_rooms_lists_them_and_goes_to_one(watching: Open) -> None:
    async with watching(Director(), path="/") as viewer:
        room = viewer.page.get_by_role("link", name="demo")
        await room.wait_for()
        assert "Live" in await room.inner_text()
        await viewer.page.get_by_label("Name of the room").fill("demo")
        await viewer.page.get_by_role("button", name="Watch").click()
        await viewer.plays_on(0.2)


async def test_an_address_without_a_room_says_so(watching: Open) -> None:
    async with watching(Director(stream_state=None), path="/watch/not%20a%20name") as viewer:
        await viewer.page.get_by_text("This address names no room").wait_for()


def long_ago(count: int) -> list[dict[str, object]]:
    return [
        {
            "id": f"{number:x}".rjust(64, "f"),
            "author": ANA,
            "name": "Ana",
            "text": f"long ago {number}",
            "time": 1_000 * number,
            "clock": number + 1,
            "reply": None,
            "edited": False,
            "reactions": [],
        }
        for number in range(count)
    ]


async def test_who_scrolls_up_reads_page_after_page_and_comes_back(watching: Open) -> None:
    director = Director(stream_state=None)
    director.past = long_ago(1_500)
    director.chat = director.past[-150:]
    director.past = director.past[:-150]
    async with watching(director, path="/chat/demo") as viewer:
        log = viewer.page.get_by_role("log")
        await log.get_by_text("long ago 1499", exact=True).wait_for()
        first = log.get_by_text("long ago 1350", exact=True)
        await first.scroll_into_view_if_needed()
        await log.get_by_text("long ago 1150", exact=True).wait_for(state="attached")
        # What was read has stayed where it was.
        assert await first.evaluate("(read) => read.getBoundingClientRect().top > 0")
        assert await log.evaluate("(list) => list.scrollTop > 1000")
        await director.say(ANA, "Ana", "something new")
        await viewer.page.get_by_role("button", name="1 new message").wait_for()
        for number in range(1_149, 1, -200):
            await log.evaluate("(list) => { list.scrollTop = 0; }")
            text = f"long ago {max(0, number - 199)}"
            await log.get_by_text(text, exact=True).wait_for(state="attached")
        assert await log.locator("li").count() <= 1_000
        await log.get_by_text("long ago 0", exact=True).scroll_into_view_if_needed()
        assert await viewer.page.get_by_role("button", name="Older messages").count() == 0
        await viewer.page.get_by_role("button", name="1 new message").click()
        await log.get_by_text("something new").wait_for()
        assert await log.locator("li").count() == 151


async def test_who_has_read_back_reads_on_to_the_newest(watching: Open) -> None:
    director = Director(stream_state=None)
    director.past = long_ago(1_500)
    director.chat = director.past[-50:]
    director.past = director.past[:-50]
    async with watching(director, path="/chat/demo") as viewer:
        log = viewer.page.get_by_role("log")
        await log.get_by_text("long ago 1499", exact=True).wait_for()
        for number in range(1_250, 50, -200):
            await log.evaluate("(list) => { list.scrollTop = 0; }")
            await log.get_by_text(f"long ago {number}", exact=True).wait_for(state="attached")
        newest = viewer.page.get_by_role("button", name="Newest messages")
        await newest.wait_for()
        last = log.get_by_text("long ago 1249", exact=True)
        await last.scroll_into_view_if_needed()
        await log.get_by_text("long ago 1449", exact=True).wait_for(state="attached")
        assert await log.get_by_text("long ago 250", exact=True).count() == 0, "what is far above goes"
        # What was read has stayed where it was.
        assert await last.evaluate("(read) => read.getBoundingClientRect().bottom <= innerHeight")
        assert await last.evaluate("(read) => read.getBoundingClientRect().top > 0")
        assert await log.locator("li").count() == 1_000
        await log.get_by_text("long ago 1449", exact=True).scroll_into_view_if_needed()
        await log.get_by_text("long ago 1499", exact=True).scroll_into_view_if_needed()
        await newest.wait_for(state="detached")
        await director.say(ANA, "Ana", "something new")
        await log.get_by_text("something new").wait_for()
        assert await log.evaluate("(list) => list.scrollHeight - list.scrollTop - list.clientHeight < 2")
        assert await log.locator("li").count() == 51


async def test_who_asks_for_older_messages_is_told_when_nobody_has_any(watching: Open) -> None:
    director = Director(stream_state=None)
    director.chat = long_ago(30)[20:]
    async with watching(director, path="/chat/demo") as viewer:
        await viewer.page.get_by_role("button", name="Older messages").click()
        await viewer.page.get_by_text("Nobody who is here has older messages.").wait_for()


async def test_messages_are_answered_changed_and_taken_back_by_the_keyboard_alone(watching: Open) -> None:
    director = Director(stream_state=None)
    async with watching(director, path="/chat/demo") as viewer:
        page, keys = viewer.page, viewer.page.keyboard
        await director.say(ANA, "Ana", "lunch?")
        await director.say(ANA, "Ana", "or tea?")
        log = page.get_by_role("log")
        await log.get_by_text("or tea?").wait_for()
        await log.focus()
        await keys.press("Tab")  # to the last message
        await keys.press("ArrowUp")
        await keys.press("Enter")
        menu = page.get_by_role("menu", name="Message of Ana")
        await menu.wait_for()
        await keys.press("Enter")  # the first reaction
        await viewer.told("act", act="reaction", on=True)
        await log.get_by_role("button", name="👍, given by 1, you among them").wait_for()
        await keys.press("Enter")
        await keys.press("End")
        await keys.press("Enter")
        await page.get_by_text("You answer Ana: lunch?").wait_for()
        await keys.type("yes")
        await keys.press("Enter")
        await viewer.told("send", text="yes", reply=director.chat[0]["id"])
        await log.get_by_role("button", name="Answers Ana: lunch?").wait_for()
        await log.focus()
        await keys.press("Tab")  # past the reaction and the answer
        await keys.press("Tab")
        await keys.press("Tab")
        await keys.press("End")
        await keys.press("Enter")
        await page.get_by_role("menuitem", name="Edit").focus()
        await keys.press("Enter")
        await keys.press("Control+A")
        await keys.type("no")
        await page.get_by_role("button", name="Save").wait_for()
        await keys.press("Enter")
        await viewer.told("act", act="edit", text="no")
        await log.get_by_text("no (edited)").wait_for()
        await log.locator(".own .more").focus()
        await keys.press("Enter")
        await page.get_by_role("menuitem", name="Delete").wait_for()
        await keys.press("End")
        await keys.press("Enter")
        await page.get_by_role("menuitem", name="Delete: are you sure?").wait_for()
        assert len(director.chat) == 3
        await keys.press("Enter")
        await viewer.told("act", act="delete")
        await log.get_by_text("no (edited)").wait_for(state="detached")


async def test_a_menu_closes_by_escape_and_gives_the_focus_back(watching: Open) -> None:
    director = Director(stream_state=None)
    async with watching(director, path="/chat/demo") as viewer:
        await director.say(ANA, "Ana", "hello")
        button = viewer.page.get_by_role("button", name="Actions for the message of Ana")
        await button.click()
        assert await viewer.page.get_by_role("menu").count() == 1
        await viewer.page.keyboard.press("Escape")
        assert await viewer.page.get_by_role("menu").count() == 0
        assert await button.evaluate("(it) => it.matches(':focus')")


async def test_words_are_found_and_one_goes_to_where_they_were_said(watching: Open) -> None:
    director = Director(stream_state=None)
    async with watching(director, path="/chat/demo") as viewer:
        for number in range(60):
            await director.say(ANA, "Ana", "the pelican" if number == 3 else f"message {number}")
        page = viewer.page
        log = page.get_by_role("log")
        await log.get_by_text("message 59").wait_for()
        assert await page.evaluate("customElements.get('braidcast-chat-search') === undefined")
        await page.get_by_text("Search", exact=True).click()
        field = page.get_by_role("searchbox", name="Words to find")
        await viewer.told("search", words="")  # all is made ready while somebody types
        await field.fill("albatross")
        await field.press("Enter")
        await page.get_by_text("Nothing that is here says that.").wait_for()
        await field.fill("pelican")
        await page.get_by_role("button", name="Find").click()
        await page.get_by_text("1 message.", exact=True).wait_for()
        found = page.locator(".found").get_by_role("button", name="the pelican")
        wide, high = await found.evaluate("(it) => [it.offsetWidth, it.offsetHeight]")
        assert wide > 4 * high, "who, when and what stand beside each other"
        await found.click()

        async def there() -> bool:
            return bool(
                await log.get_by_text("the pelican").evaluate(
                    "(text) => { const { top, bottom } = text.getBoundingClientRect();"
                    " const list = text.closest('.scroll').getBoundingClientRect();"
                    " return top >= list.top && bottom <= list.bottom; }"
                )
            )

        await eventually(there, "the list goes to what was found")


async def test_who_is_meant_is_chosen_by_keys_and_answers_stand_in_a_thread(watching: Open) -> None:
    director = Director(
        stream_state=None,
        roster=(
            {"peer": ANA, "name": "Ana", "role": "member"},
            {"peer": BOB, "name": "Bob", "role": "member"},
        ),
    )
    async with watching(director, path="/chat/demo") as viewer:
        await director.say(ANA, "Ana", "Friday?")
        await director.say(BOB, "Bob", f"@[Me]({OWN}) and @[Old name]({ANA}), well?", reply=f"{0:064x}")
        log = viewer.page.get_by_role("log")
        meant = log.locator("li.meant")
        await meant.wait_for()
        assert "@Me and @Ana, well?" in await meant.inner_text()
        field = viewer.page.get_by_label("Message", exact=True)
        await field.press_sequentially("yes @")
        options = viewer.page.get_by_role("option")
        await options.first.wait_for()
        assert await options.all_inner_texts() == ["Ana", "Bob"]
        assert await field.get_attribute("aria-activedescendant") == "name-0"
        await field.press("ArrowDown")
        await field.press("Enter")
        assert await field.input_value() == "yes @Bob "
        assert await options.count() == 0
        await viewer.page.get_by_role("button", name="1 reply").press("Enter")
        await viewer.page.get_by_role("heading", name="Thread of Ana: Friday?").wait_for()
        await director.say(ANA, "Ana", "outside of it")
        await viewer.page.get_by_role("button", name="All messages (1 new)").wait_for()
        assert await log.get_by_text("outside of it").count() == 0
        await field.press("Enter")
        await viewer.told("send", text=f"yes @[Bob]({BOB})", reply=f"{0:064x}")
        await log.get_by_text("yes @Bob").wait_for()
        await field.press("Escape")
        await log.get_by_text("outside of it").wait_for()
        focused = "document.querySelector('braidcast-chat').shadowRoot.activeElement.textContent"
        assert await viewer.page.evaluate(focused) == "2 replies"


async def test_two_of_one_name_are_told_apart(watching: Open) -> None:
    async with watching(Director(stream_state=None), path="/chat/demo") as viewer:
        await viewer.director.say(ANA, "Ana", "it is me")
        await viewer.director.say(BOB, "ana", "no, me")
        marks = viewer.page.locator(".key")
        await marks.get_by_text(BOB[:8]).wait_for()
        await marks.get_by_text(ANA[:8]).wait_for()
        (warning,) = await viewer.page.locator(".another").all_inner_texts()
        assert f"has another key than before: {BOB[:8]}, not {ANA[:8]}" in warning


async def test_what_was_said_is_saved_and_an_identity_that_is_none_is_refused(watching: Open) -> None:
    async with watching(Director(stream_state=None), path="/chat/demo") as viewer:
        page = viewer.page
        await viewer.director.say(ANA, "Ana", "hello")
        await page.get_by_role("log").get_by_text("hello").wait_for()
        await page.get_by_text("Export", exact=True).click()
        async with page.expect_download() as saved:
            await page.get_by_role("button", name="Save as text").click()
        download = await saved.value
        assert download.suggested_filename == "demo.txt"
        assert (await download.path()).read_text().endswith(" Ana: hello\n")
        await page.get_by_text("1 message is saved.").wait_for()
        await page.get_by_label("Passphrase").fill("correct horse battery")
        await page.get_by_label("Exported identity").fill("braidcast-identity:nothing")
        await page.get_by_role("button", name="Import it").click()
        await page.get_by_text("This is no exported identity").wait_for()
