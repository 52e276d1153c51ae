"""Graph reasoning: regions of a map become nodes, tell each other, and are laid back.

In the comments L is the number of places, H x W.
"""

import paddle
import paddle.nn.functional as F
from paddle import nn


class GraphConvolution(nn.Layer):
    """Nodes V, `[N, nodes, states]`, to relu(AV + b + V) W, of the same shape.

    A, `[nodes, nodes]`, is what each node hears of each other, and W changes the
    states. GloRe's equation is ((I - A) V) W (section 3.3); its release adds AV, the
    same since A is learned, and has the bias b and the ReLU.
    """

    def __init__(self, nodes, states):
        super().__init__()
        # A convolution whose channels are the nodes: its weight is A.
        self.adjacency = nn.Conv1D(nodes, nodes, 1)
        self.weight = nn.Linear(states, states, bias_attr=False)

    def forward(self, nodes):
        return self.weight(F.relu(self.adjacency(nodes) + nodes))


class GloReUnit(nn.Layer):
    """Global reasoning unit, `[N, C, H, W]` to the same.

    Each of `nodes` gathers `states` values (twice as many as nodes, if not given) from
    all places, by weights that a 1x1 convolution reads off the map: `maps(x)` shows
    them, `[N, nodes, H, W]`. A graph convolution lets the nodes tell each other, and by
    the same weights they are laid back and added to x. `normalize` takes the mean over
    the places, not the sum, as the release advises where sizes differ. The unit starts
    as the identity.
    Source: GloRe (Chen et al. 2019), section 3; the authors' release.
    """

    def __init__(self, in_channels, nodes, states=None, normalize=True):
        super().__init__()
        states = states or 2 * nodes
        self.normalize = normalize
        self.states = nn.Conv2D(in_channels, states, 1)
        self.maps = nn.Conv2D(in_channels, nodes, 1)
        self.graph = GraphConvolution(nodes, states)
        self.extend = nn.Conv2D(states, in_channels, 1, bias_attr=False)
        self.norm = nn.BatchNorm2D(
            in_channels, epsilon=1e-4, weight_attr=nn.initializer.Constant(0.0)
        )

    def forward(self, x):
        nodes, maps = self.project(x)
        return self.back(x, self.graph(nodes), maps)

    def project(self, x):
        """The nodes V, `[N, nodes, states]`, and the weights B, `[N, nodes, L]`."""
        maps = self.maps(x).flatten(2)  # B = theta(X)
        values = self.states(x).flatten(2)  # phi(X), [N, states, L]
        # v_i = sum over j of b_ij x_j: section 3.2
        nodes = paddle.matmul(maps, values, transpose_y=True)
        return (nodes / maps.shape[2] if self.normalize else nodes), maps

    def back(self, x, nodes, maps):
        """`x` with the nodes laid back on it by the weights that gathered them."""
        # y_j = sum over i of b_ij z_i: section 3.4, with D the transpose of B
        values = paddle.matmul(nodes, maps, transpose_x=True)
        values = values.reshape([x.shape[0], -1, *x.shape[2:]])
        return x + self.norm(self.extend(values))


class GraphInteraction(GloReUnit):
    """Graph interaction unit: a GloRe unit whose nodes also talk with words.

    Takes `[N, C, H, W]` and one vector a class, `[classes, states]`; returns the map
    and what became of the words in this image, `[N, classes, states]`.
    Source: GINet (Wu et al. 2020), section 3.2, and Baidu's port in PaddleSeg; as there
    the last batch norm starts at 1, so that the unit does not start as the identity.
    """

    def __init__(self, in_channels, nodes, states, classes):
        super().__init__(in_channels, nodes, states)
        self.norm = nn.BatchNorm2D(in_channels)
        self.word_graph = GraphConvolution(classes, states)
        between = max(1, states // 2)
        self.query = nn.Linear(states, between)
        self.key = nn.Linear(states, between)
        self.from_nodes = nn.Linear(states, states)
        self.from_words = nn.Linear(states, states)
        zero = nn.initializer.Constant(0.0)
        self.node_share, self.word_share = (
            self.create_parameter([count, 1], default_initializer=zero)
            for count in (nodes, classes)
        )

    def forward(self, x, words):
        nodes, maps = self.project(x)
        nodes = self.graph(nodes)  # the visual graph
        words = self.word_graph(words.unsqueeze(0))  # the semantic graph
        # How much each class and each node have to do with each other: at [c, i]
        energy = paddle.matmul(self.query(words), self.key(nodes), transpose_y=True)
        hears, told = F.softmax(energy, axis=2), F.softmax(energy, axis=1)
        # Visual to semantic: every class reads the nodes.
        seen = self.word_share * words + paddle.matmul(hears, self.from_nodes(nodes))
        # Semantic to visual: every node reads the words; how much is learned from 0.
        read = paddle.matmul(told, self.from_words(words), transpose_x=True)
        return self.back(x, nodes + self.node_share * read, maps), seen
