"""Forty short searches as people type them: each finds its passage among the first three."""

from collections.abc import Sequence

import pytest

from rag.datatypes import Chunk
from rag.language import detect_language
from rag.lexical_index import Bm25LexicalIndex
from rag.retrieve import Retriever
from rag.vector_index import FaissVectorIndex
from tests.fakes import HashingEmbedder

# Each stands among others that share its characters, its digits or its parts.
PASSAGES = {
    "leave": "年次有給休暇は勤続6か月で10日を付与する。翌年度まで繰り越せる。",
    "sick": "病気休暇は診断書を添えて申し出る。期間は最長90日とする。",
    "holiday": "祝日の翌日は休館する。臨時の休業は掲示で知らせる。",
    "fee": "会費は年額5,000円とし、４月末までに納める。",
    "refund": "返金は返品の到着から10日以内に行う。送料は除く。",
    "tax": "源泉徴収票は1月に交付する。税の相談は総務課へ。",
    "seal": "契約書には代表印を押す。角印は請求書に用いる。",
    "dog": "盲導犬を除き、犬を館内に連れて入ることはできない。",
    "cat": "猫の預かりは1泊3,000円、二匹目から半額。",
    "salmon": "鮭の切り身は塩を振り、皮目から焼く。",
    "violin": "バイオリンの貸出は1か月、弓と松脂を添える。",
    "ukulele": "ウクレレの貸出は2週間、延長は1回まで。",
    "wifi": "館内のWi-Fiは利用者番号とパスワードで接続する。",
    "printer": "プリンターの用紙切れは給紙トレイ２を確認する。",
    "server": "サーバーの保守は第3火曜日の深夜に行う。",
    "user": "ユーザー登録は窓口かウェブで受け付ける。",
    "article7": "第7条 会員は住所の変更を届け出る。",
    "article17": "第17条 理事会は年4回開く。",
    "article70": "第70条 細則は理事会が定める。",
    "date1": "2024年3月15日に総会を開き、予算を承認した。",
    "date2": "2024年5月13日に理事会を開き、規程を改めた。",
    "date3": "2023年3月15日に停電があり、閉館した。",
    "rfc7231": "Status codes follow RFC-7231, section 6, for every endpoint.",
    "rfc7230": "Message framing follows RFC-7230 and must not be changed.",
    "foobar": "Call foo_bar() once before the loop; foo_baz() frees the buffer.",
    "barfoo": "bar_foo is an alias kept for old scripts.",
    "camel": "The method getUserName returns the login of the session.",
    "version": "Release 2.10.3 fixes the importer; 2.1.3 did not.",
    "oldversion": "Release 2.1.3 added the importer.",
    "ip": "The scanner answers at 192.168.0.42 and the printer at 192.168.0.24.",
    "phone": "For keys call ext. 240; for parking call ext. 420.",
    "mail": "Write to archive@example.org for copies of minutes.",
    "error": "Error 0x80070005 means that access was denied.",
    "othererror": "Error 0x80070057 means that a parameter is wrong.",
    "iso": "Quality papers follow ISO 9001:2015 and are kept ten years.",
    "iso27": "Security papers follow ISO/IEC 27001 and are kept five years.",
    "csharp": "The kiosk is written in C# and the gate in C++.",
    "percent": "The discount is 15% for students and 20% for seniors.",
    "cafe": "The café opens at 8:30 and serves crêpes.",
    "straight": "Keep the fire door shut; an x-ray unit stands behind it.",
    "mixed": "VPN接続にはOTPアプリが必要で、再発行はヘルプデスクが行う。",
    "korean": "회의실 예약은 관리실에서 합니다.",
}
PROBES = (
    ("有給", "leave"), ("休暇", "leave"), ("病気", "sick"), ("祝日", "holiday"),
    ("会費", "fee"), ("返金", "refund"), ("税", "tax"), ("印", "seal"), ("犬", "dog"),
    ("猫", "cat"), ("鮭", "salmon"), ("弓", "violin"), ("塩", "salmon"),
    ("５０００円", "fee"), ("5,000円", "fee"), ("１０日以内", "refund"), ("トレイ2", "printer"),
    ("ﾊﾞｲｵﾘﾝ", "violin"), ("ｳｸﾚﾚの延長は？", "ukulele"), ("ﾌﾟﾘﾝﾀｰ", "printer"),
    ("サーバ", "server"), ("ユーザ", "user"), ("プリンタ", "printer"),
    ("第７条", "article7"), ("第17条", "article17"), ("第70条は何ですか", "article70"),
    ("2024年3月15日", "date1"), ("２０２４年５月１３日に何があった？", "date2"),
    ("2023年3月15日", "date3"),
    ("RFC-7231", "rfc7231"), ("rfc 7230", "rfc7230"), ("foo_bar()", "foobar"),
    ("getUserName", "camel"), ("2.10.3", "version"), ("192.168.0.42", "ip"),
    ("archive@example.org", "mail"), ("0x80070057", "othererror"), ("ISO 9001", "iso"),
    ("cafe crepes", "cafe"), ("ＶＰＮの再発行", "mixed"), ("회의실", "korean"),
)  # fmt: skip


class Corpus:
    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    def chunks(self, rows: Sequence[int]) -> list[Chunk]:
        return [Chunk(str(row), 0, len(self._texts[row]), self._texts[row]) for row in rows]

    def documents_of(self, rows: Sequence[int]) -> list[range]:
        return [range(row, row + 1) for row in rows]


@pytest.fixture(scope="module")
def retriever() -> Retriever:
    texts = list(PASSAGES.values())
    embedder = HashingEmbedder()
    return Retriever(
        corpus=Corpus(texts),  # type: ignore[arg-type] # of the corpus only this is used
        lexical=Bm25LexicalIndex.from_texts(texts),
        vectors=FaissVectorIndex.from_vectors(embedder.embed_passages(texts)),
        embedder=embedder,
        embed_languages=(),  # words alone: what an exact search must find without any model
    )


def test_there_are_forty_probes_or_more() -> None:
    assert len(PROBES) >= 40


@pytest.mark.parametrize(("query", "wanted"), PROBES)
def test_a_probe_is_found_among_the_first_three(
    retriever: Retriever, query: str, wanted: str
) -> None:
    hits = retriever.retrieve(query, detect_language(query), 3)

    found = [list(PASSAGES)[int(hit.chunk.path)] for hit in hits]
    assert wanted in found
