"""The BERT that the course ships: what its model card says is what it does."""

import re
import shutil
import subprocess

import numpy as np
import pytest
import torch

from coursekit.datasets import campus_tables, load
from coursekit.metrics import evaluate
from coursekit.models import ContentBased
from coursekit.models.bert import __main__ as command
from coursekit.models.bert import catalogue_texts, load_bert, train_wordpiece
from coursekit.models.bert.catalogue import held_out_courses, item_texts
from coursekit.models.bert.judging import masked_word_table, purity_table, untrained_like
from coursekit.models.bert.loading import COURSE
from coursekit.models.bert.pretraining import _strings
from coursekit.splits import standard_split


@pytest.fixture(scope="module")
def courses():
    return campus_tables().courses


@pytest.fixture(scope="module")
def held_out(courses):
    return held_out_courses(courses)


@pytest.fixture(scope="module")
def bert():
    return load_bert(device="cpu")


@pytest.fixture(scope="module")
def card():
    return (COURSE / "README.md").read_text(encoding="utf-8")


def figures(card, heading, row):
    """The numbers in a row of the table that has this heading."""
    table = card[card.index(heading) :]
    line = re.search(rf"^\| {re.escape(row)} \|(.*)\|$", table, flags=re.MULTILINE).group(1)
    return [float(cell) for cell in line.split("|")]


# --- what it reads -----------------------------------------------------------------------------------------


def test_no_text_tells_of_a_held_out_course(courses, held_out):
    everything = "\n".join(_strings(catalogue_texts(courses, held_out=held_out)))
    away = courses["course_id"].isin(held_out)
    for course in courses[away].itertuples():
        for part in (course.title, course.title_zh, course.description):
            assert part not in everything
    for course in courses[~away].itertuples():
        for part in (course.title, course.title_zh, course.description):
            assert part in everything


def test_every_tenth_course_is_held_out_and_all_subjects_alike(courses, held_out):
    assert len(held_out) == 48
    counts = courses[courses["course_id"].isin(held_out)]["subject"].value_counts()
    assert (counts == 4).all()
    assert len(counts) == 12


def test_the_texts_say_what_the_catalogue_says(courses):
    texts = catalogue_texts(courses)
    row = courses[courses["course_id"] == "ai-01"].iloc[0]
    title_of = dict(zip(courses["course_id"], courses["title"], strict=True))
    of_course = [text for text in texts if not isinstance(text, str) and text[1] == row["title"]]
    before, listed = (text[0].split("; ") for text in of_course)
    assert before == [title_of[id] for id in row["prerequisites"].split(";")]
    subject_of = dict(zip(courses["title"], courses["subject"], strict=True))
    assert len(set(listed)) == 8
    assert {subject_of[title] for title in listed} == {row["subject"]}
    assert row["title"] not in listed
    assert (
        row["title"],
        f"{row['subject']} for intermediate learners, 24 hours, taught in English.",
    ) in texts


def test_the_seed_draws_the_lists_and_nothing_else(courses):
    first, again, other = (catalogue_texts(courses[:60], rng=seed) for seed in (0, 0, 1))
    assert first == again
    changed = [one for one, another in zip(first, other, strict=True) if one != another]
    assert 0 < len(changed) <= 60
    assert all(isinstance(text, tuple) and ";" in text[0] for text in changed)


# --- the files ---------------------------------------------------------------------------------------------


def test_it_is_small(bert):
    assert sum(path.stat().st_size for path in COURSE.iterdir()) < 4_000_000
    parameters = sum(part.numel() for part in bert.encoder.parameters())
    assert 1.0e6 < parameters < 1.4e6
    assert {path.name for path in COURSE.iterdir()} == {
        "README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"
    }  # fmt: skip


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_does_not_pass_over_its_files():
    ignored = subprocess.run(
        ["git", "check-ignore", *map(str, COURSE.iterdir())], cwd=COURSE, capture_output=True, text=True
    )
    assert ignored.stdout == ""


def test_its_vocabulary_is_learned_from_the_catalogue(bert, courses, held_out):
    texts = catalogue_texts(courses, held_out=held_out)
    learned = train_wordpiece(_strings(texts), bert.config.vocabulary)
    assert learned.get_vocab() == bert.tokenizer.get_vocab()


def test_transformers_loads_it(bert):
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModel.from_pretrained(COURSE).float().eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(COURSE)
    batch = tokenizer(
        ["Calm Data", "写诗的人"], ["Python for poets", "数据"], padding=True, return_tensors="pt"
    )
    ids, keep, segments = bert.encode(["Calm Data", "写诗的人"], ["Python for poets", "数据"])
    assert batch["input_ids"].tolist() == ids.tolist()
    with torch.no_grad():
        theirs, ours = model(**batch).last_hidden_state, bert.encoder(ids, keep, segments)
    torch.testing.assert_close(ours[keep], theirs[keep], rtol=0, atol=1e-5)


# --- what it can do ----------------------------------------------------------------------------------------


def test_hidden_words_of_unread_courses_as_the_card_says(bert, courses, held_out, card):
    texts = catalogue_texts(courses, held_out=held_out)
    hidden = item_texts(courses[courses["course_id"].isin(held_out)])
    table = masked_word_table(bert, texts, hidden)
    for name, row in table.iterrows():
        np.testing.assert_allclose(figures(card, "| loss | accuracy |", name), row, atol=0.012)
    # So little to read teaches hardly more than word frequencies; less than that would be a broken model.
    assert table.loc["trained", "loss"] < table.loc["word frequencies", "loss"] - 0.02
    assert table.loc["trained", "accuracy"] > table.loc["word frequencies", "accuracy"]
    assert table.loc["untrained", "loss"] > table.loc["word frequencies", "loss"] + 0.5


def test_neighbours_as_the_card_says(bert, courses, held_out, card):
    table = purity_table(bert, item_texts(courses), courses["subject"], courses["course_id"].isin(held_out))
    for name, row in table.iterrows():
        np.testing.assert_allclose(figures(card, "| all | held out |", name), row, atol=0.012)
    assert table.loc["trained", "all"] > 2 * table.loc["TF-IDF of words", "all"]
    assert table.loc["trained", "held_out"] > table.loc["untrained", "held_out"] + 0.05


def test_new_courses_are_ranked_better_by_its_vectors_than_by_word_counts(bert, courses):
    """The 36 launched after the cut-off, among themselves: word counts .197, an untrained BERT .104."""
    split = standard_split(load("campus"))
    cold = np.setdiff1d(np.arange(split.train.n_items), split.train.item)
    test = split.test.where(np.isin(split.test.item, cold))
    users = np.unique(test.user)

    def ndcg(vectors):
        ranked = ContentBased(vectors=vectors).fit(split.train).recommend(users, k=10, candidates=cold).items
        return evaluate(ranked, test, users, metrics=["ndcg"], n_bootstrap=0)["value"].item()

    texts = item_texts(courses)
    assert 0.26 < ndcg(bert.embed(texts)) < 0.32
    assert ndcg(untrained_like(bert).embed(texts)) < 0.16


# --- the command -------------------------------------------------------------------------------------------


def test_the_command_writes_a_folder_whose_card_holds_its_figures(courses, tmp_path, monkeypatch, capsys):
    few = campus_tables()._replace(courses=courses.iloc[:40])
    monkeypatch.setattr(command, "campus_tables", lambda: few)
    command.main(["--out", str(tmp_path / "small"), "--epochs", "1", "--vocabulary", "600", "--quiet"])
    bert = load_bert(tmp_path / "small", device="cpu")
    assert bert.config.vocabulary == 600
    said, card = capsys.readouterr().out, (tmp_path / "small" / "README.md").read_text(encoding="utf-8")
    assert "held_out_loss" in said
    assert f"--out {tmp_path / 'small'} --epochs 1 --vocabulary 600" in card
    held_out = held_out_courses(few.courses)
    assert f"Of {len(held_out)} courses" in card
    texts = catalogue_texts(few.courses, held_out=held_out)
    hidden = item_texts(few.courses[few.courses["course_id"].isin(held_out)])
    expected = masked_word_table(bert, texts, hidden)
    np.testing.assert_allclose(
        figures(card, "| loss | accuracy |", "trained")[0], expected.loc["trained", "loss"], atol=0.011
    )
