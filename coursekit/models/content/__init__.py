"""Models that read what items say about themselves, and so know items nobody has touched."""

from coursekit.models.content.hybrid import Hybrid as Hybrid
from coursekit.models.content.profiles import ContentBased as ContentBased
from coursekit.models.content.text import bag_of_words as bag_of_words
from coursekit.models.content.text import tfidf_matrix as tfidf_matrix
from coursekit.models.content.text import tokenize as tokenize
from coursekit.models.content.word2vec import Word2Vec as Word2Vec
