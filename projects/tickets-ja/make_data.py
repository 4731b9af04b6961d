"""Writes tickets_ja.csv: short support tickets in Japanese, made from templates and spoilt as people spoil them.

    python projects/tickets-ja/make_data.py

The same seed gives the same bytes. Every sentence was written for this project; no customer ever sent one.
"""

from __future__ import annotations

import csv
import random
import unicodedata
from pathlib import Path

SEED = 20261
ROWS = 3000
# shares of rows: another category than the one it was written for, no text, a sentence of a second category
WRONG_LABEL, NO_TEXT, AMBIGUOUS = 0.06, 0.015, 0.15

THINGS = ("電気ケトル", "デスクライト", "冬用ジャケット", "ホース", "スマホケース", "コーヒーミル", "空気入れ")
PLANS = ("スターター", "ファミリー", "チーム", "プレミアム")
DAYS = ("昨日", "先週の月曜日", "三日前", "今朝", "4日", "一週間前")

PROBLEMS: dict[str, tuple[str, ...]] = {
    "請求": (
        "{day}、{plan}プランの料金が二重に引き落とされています。",
        "請求書の金額がページの価格より高いです。",
        "会社名を入れた領収書を送ってください。",
        "{plan}プランを解約したのに{day}また課金されました。",
        "割引コードを入れましたが、合計から引かれていません。",
        "明細にある490円の手数料は何ですか。",
        "カードではなく銀行振込で支払いたいです。",
        "{thing}の決済に失敗しましたが、口座からは引かれています。",
    ),
    "アカウント": (
        "{day}からログインできません。パスワードが違うと出ます。",
        "二段階認証のコードが携帯に届きません。",
        "登録したメールアドレスを変更する方法を教えてください。",
        "何度も間違えたのでアカウントがロックされました。",
        "退会しますので、個人情報を全部削除してください。",
        "再設定のリンクを押すと毎回期限切れになります。",
        "行ったことのない町からログインの記録があります。",
        "{plan}プランの利用者に同僚を追加したいです。",
    ),
    "配送": (
        "{day}注文した{thing}がまだ届きません。",
        "追跡番号の状況が{day}から変わりません。",
        "荷物が隣の家に置かれていました。",
        "{thing}の届け先を会社に変えられますか。",
        "配達済みと出ていますが、玄関には何もありません。",
        "残りの商品はいつ発送されますか。",
        "不在票もなく{thing}が営業所に戻されました。",
        "旅行から戻るまで荷物を預かってください。",
    ),
    "不具合": (
        "設定を開くとアプリが落ちます。",
        "{thing}が二日で動かなくなりました。",
        "{day}の更新のあと、画面が真っ白なままです。",
        "フォームを保存するとエラー502が出ます。",
        "{thing}から大きな音がして、とても熱くなります。",
        "検索しても何も見つかりません。",
        "スマホとパソコンの同期が99%で止まります。",
        "写真を上げるボタンを押しても反応しません。",
    ),
    "返品": (
        "{thing}が小さすぎるので返品したいです。",
        "{thing}の返送用ラベルはどこでもらえますか。",
        "{day}{thing}を返しましたが、返金がまだです。",
        "{thing}を別の色に交換できますか。",
        "箱が開いた跡があるので、受け取りたくありません。",
        "贈り物ですが、納品書なしで返せますか。",
        "{thing}が写真と違うので引き取ってください。",
        "{thing}は何日以内なら返せますか。",
    ),
}
# could be any of several categories
VAGUE = (
    "{day}から待っています。助けてください。",
    "{thing}の件ですが、前回の連絡のあと何もありません。",
    "お金を返してほしいです。",
    "使えません。",
    "{plan}プランについて誰に聞けばいいですか。",
    "{day}の注文について質問があります。",
)
OPENINGS = (
    "",
    "",
    "",
    "お世話になっております。",
    "こんにちは。",
    "はじめまして、",
    "至急！",
    "すみません、",
    "Hello, ",
)
CLOSINGS = ("", "", "", "よろしくお願いします。", "お返事お待ちしています。", "助けて！！", "🙇", "thanks", "…")
CHANNELS = ("メール", "チャット", "フォーム", "電話")
# how often each channel is used, by category
CHANNEL_WEIGHTS = {
    "請求": (5, 2, 3, 1),
    "アカウント": (2, 5, 2, 2),
    "配送": (2, 3, 2, 4),
    "不具合": (3, 4, 3, 1),
    "返品": (4, 2, 4, 1),
}
# the same word in another script, as people write it
SPELLINGS = (
    ("パスワード", "PW"),
    ("ログイン", "login"),
    ("アプリ", "app"),
    ("メール", "mail"),
    ("ください", "下さい"),
    ("返品", "へんぴん"),
    ("荷物", "にもつ"),
    ("料金", "りょうきん"),
    ("カード", "ｶｰﾄﾞ"),
)


def sentence(template: str, draw: random.Random) -> str:
    """A template with its gaps filled."""
    return template.format(thing=draw.choice(THINGS), plan=draw.choice(PLANS), day=draw.choice(DAYS))


def typos(text: str, draw: random.Random) -> str:
    """Characters swapped and lost, about one in fifty."""
    letters = list(text)
    for i in range(len(letters) - 1):
        if draw.random() > 1 / 50:
            continue
        if draw.random() < 0.5:
            letters[i], letters[i + 1] = letters[i + 1], letters[i]
        else:
            letters[i] = ""
    return "".join(letters)


def careless(text: str, draw: random.Random) -> str:
    """What keyboards and telephones do to a text: other scripts, full and half width, marks apart, blanks."""
    for usual, other in SPELLINGS:
        if draw.random() < 0.12:
            text = text.replace(usual, other)
    chance = draw.random()
    if chance < 0.06:
        return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in text)
    if chance < 0.10:
        return unicodedata.normalize("NFD", text)
    if chance < 0.18:
        return text.replace("。", "。\n")
    if chance < 0.28:
        return text.replace("、", "\u3000").replace("。", "\u3000")
    if chance < 0.38:
        return text.replace("。", "").replace("、", "")
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
        elif draw.random() < 0.25:
            parts.append(sentence(draw.choice(VAGUE), draw))
    parts.append(draw.choice(CLOSINGS))
    body = careless(typos("".join(parts), draw), draw)
    channel = draw.choices(CHANNELS, CHANNEL_WEIGHTS[category])[0]
    earlier = min(int(draw.expovariate(0.5 if category in ("配送", "不具合") else 1.0)), 9)
    if draw.random() < NO_TEXT:
        body = ""
    if draw.random() < WRONG_LABEL:
        category = draw.choice(tuple(PROBLEMS))
    return channel, body, earlier, category


def main() -> None:
    """Write the file beside this script."""
    draw = random.Random(SEED)  # noqa: S311  nothing secret is drawn
    path = Path(__file__).with_name("tickets_ja.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["channel", "body", "earlier_tickets", "category"])
        writer.writerows(ticket(draw) for _ in range(ROWS))


if __name__ == "__main__":
    main()
