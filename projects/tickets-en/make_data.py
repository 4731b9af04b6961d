"""Writes tickets_en.csv: short support tickets in English, made from templates and spoilt as people spoil them.

    python projects/tickets-en/make_data.py

The same seed gives the same bytes. Every sentence was written for this project; no customer ever sent one.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

SEED = 20260
ROWS = 3200
# shares of rows: another category than the one it was written for, no text, a sentence of a second category
WRONG_LABEL, NO_TEXT, AMBIGUOUS = 0.06, 0.015, 0.18

THINGS = ("blue kettle", "desk lamp", "winter jacket", "garden hose", "phone case", "coffee grinder", "bicycle pump")
PLANS = ("starter", "family", "team", "premium")
DAYS = ("yesterday", "last Monday", "three days ago", "this morning", "on the 4th", "a week ago")

PROBLEMS: dict[str, tuple[str, ...]] = {
    "billing": (
        "My card was charged twice for the {plan} plan {day}.",
        "The invoice shows a higher amount than the price on your page.",
        "Please send me a receipt with our company's tax number.",
        "I cancelled the {plan} plan but money was still taken {day}.",
        "The discount code was accepted and then not taken off the total.",
        "Why is there a fee of 4.90 on my statement?",
        "I would like to pay by bank transfer instead of card.",
        "The payment for the {thing} failed but the bank shows it as pending.",
    ),
    "account": (
        "I cannot log in since {day}, the password is not accepted.",
        "The code for two step login never reaches my phone.",
        "How do I change the email address of my account?",
        "My account was locked after too many attempts.",
        "Please delete my profile and all data that you hold.",
        "The reset link says that it has expired, every time.",
        "Someone signed in from a city where I have never been.",
        "I want to add a colleague as a second user of the {plan} plan.",
    ),
    "delivery": (
        "The {thing} that I ordered {day} has not arrived.",
        "The tracking number has shown no change since {day}.",
        "The courier left the parcel at the wrong house.",
        "Can you send the {thing} to my office instead?",
        "It says delivered, but there was nothing at my door.",
        "When will the rest of my order be shipped?",
        "The driver rang no bell and took the {thing} back to the depot.",
        "Please hold the parcel until I am back from my trip.",
    ),
    "fault": (
        "The app closes by itself when I open the settings.",
        "The {thing} stopped working after two days.",
        "Since the update {day} the page stays white.",
        "Error 502 appears whenever I save the form.",
        "The {thing} makes a loud noise and gets very hot.",
        "Search finds nothing, even for things that I can see on the page.",
        "The sync between my phone and my laptop hangs at 99 percent.",
        "The button to upload a photo does not react.",
    ),
    "returns": (
        "I want to send the {thing} back, it is too small.",
        "How do I get a return label for the {thing}?",
        "I returned the {thing} {day} and still wait for the refund.",
        "Can I exchange the {thing} for another colour?",
        "The box was opened before, I do not want to keep it.",
        "Is it possible to return a gift without the invoice?",
        "The {thing} is not what the picture shows, please take it back.",
        "How many days do I have to change my mind about the {thing}?",
    ),
}
# could be any of several categories
VAGUE = (
    "Please help, I have been waiting since {day}.",
    "This is about the {thing}, nothing happened after my last message.",
    "I would like my money back.",
    "It does not work.",
    "Who can I talk to about the {plan} plan?",
    "I have a question about my order of {day}.",
)
OPENINGS = (
    "",
    "",
    "Hello,",
    "Hi there!",
    "Dear team,",
    "good morning",
    "Hey",
    "URGENT:",
    "Bonjour,",
    "お世話になります。",
)
CLOSINGS = ("", "", "", "Thanks!", "Thank you in advance.", "Regards", "Please answer soon.", "🙏", "Cheers :)", "!!!")
CHANNELS = ("email", "chat", "form", "phone")
# how often each channel is used, by category
CHANNEL_WEIGHTS = {
    "billing": (5, 2, 3, 1),
    "account": (2, 5, 2, 2),
    "delivery": (2, 3, 2, 4),
    "fault": (3, 4, 3, 1),
    "returns": (4, 2, 4, 1),
}


def sentence(template: str, draw: random.Random) -> str:
    """A template with its gaps filled."""
    return template.format(thing=draw.choice(THINGS), plan=draw.choice(PLANS), day=draw.choice(DAYS))


def typos(text: str, draw: random.Random) -> str:
    """Letters swapped, lost and doubled, about one in forty."""
    letters = list(text)
    for i in range(len(letters) - 1):
        if not letters[i].isalpha() or draw.random() > 1 / 40:
            continue
        kind = draw.randrange(3)
        if kind == 0:
            letters[i], letters[i + 1] = letters[i + 1], letters[i]
        elif kind == 1:
            letters[i] = ""
        else:
            letters[i] *= 2
    return "".join(letters)


def careless(text: str, draw: random.Random) -> str:
    """What keyboards and telephones do to a text: case, white space, punctuation, full width, curly quotes."""
    chance = draw.random()
    if chance < 0.05:
        return text.upper()
    if chance < 0.25:
        return text.lower()
    if chance < 0.30:
        return text.replace(" ", "  ").replace(". ", ".\n")
    if chance < 0.33:
        return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in text)
    if chance < 0.40:
        return text.replace(".", "").replace(",", "")
    return text


def ticket(draw: random.Random) -> tuple[str, str, int, str]:
    """Channel, body, earlier tickets of the customer, category."""
    category = draw.choice(tuple(PROBLEMS))
    parts = [draw.choice(OPENINGS)]
    if draw.random() < 0.07:
        parts.append(sentence(draw.choice(VAGUE), draw))
    else:
        parts.append(sentence(draw.choice(PROBLEMS[category]), draw))
        if draw.random() < AMBIGUOUS:
            other = draw.choice(tuple(PROBLEMS))
            parts.insert(draw.choice((1, 2)), sentence(draw.choice(PROBLEMS[other]), draw))
        elif draw.random() < 0.3:
            parts.append(sentence(draw.choice(VAGUE), draw))
    parts.append(draw.choice(CLOSINGS))
    body = careless(typos(" ".join(part for part in parts if part), draw), draw)
    channel = draw.choices(CHANNELS, CHANNEL_WEIGHTS[category])[0]
    earlier = min(int(draw.expovariate(0.5 if category in ("delivery", "fault") else 1.0)), 9)
    if draw.random() < NO_TEXT:
        body = ""
    if draw.random() < WRONG_LABEL:
        category = draw.choice(tuple(PROBLEMS))
    return channel, body, earlier, category


def main() -> None:
    """Write the file beside this script."""
    draw = random.Random(SEED)  # noqa: S311  nothing secret is drawn
    path = Path(__file__).with_name("tickets_en.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["channel", "body", "earlier_tickets", "category"])
        writer.writerows(ticket(draw) for _ in range(ROWS))


if __name__ == "__main__":
    main()
