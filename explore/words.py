"""Short texts of the page in both languages, side by side; longer ones are in templates/."""

LANGUAGES = {"en": "index.html", "ja": "index.ja.html"}  # the page's file name by language

_WORDS = {  # by language
    # Charts
    "without": ("without Dropout", "ドロップアウトなし"),
    "with": ("with Dropout", "ドロップアウトあり"),
    "guess": ("your guess", "あなたの予想"),
    "epoch": ("epoch", "エポック"),
    "loss": ("training loss", "訓練画像の損失"),
    "val_loss": ("validation loss", "検証画像の損失"),
    "accuracy": ("training accuracy", "訓練画像の正解率"),
    "val_accuracy": ("validation accuracy", "検証画像の正解率"),
    "gain": ("gain, percentage points", "向上、ポイント"),
    # Parameters of a setting
    "dataset": ("Data set", "データセット"),
    "train_samples": ("Training images", "訓練画像の数"),
    "placement": ("Dropout after", "ドロップアウトの位置"),
    "dropout_rate": ("Rate", "率"),
    "dense_units": ("Dense units", "全結合層のユニット数"),
    "measure": ("Show", "表示する量"),
    "dense": ("the dense layer", "全結合層の後"),
    "pooling": ("the pooling", "プーリングの後"),
    "both": ("both", "両方の後"),
    "title": (
        "{dataset}, {train_samples} training images, rate {dropout_rate} after {placement}",
        "{dataset}、訓練画像 {train_samples} 枚、{placement}、率 {dropout_rate}",
    ),
    "title_units": (", {dense_units} dense units", "、全結合層 {dense_units} ユニット"),
    "limits": ("[{low} to {high}]", "[{low} 〜 {high}]"),
    # Verdicts: of the page's intervals, of the study's claims
    "better": ("better", "改善"),
    "worse": ("worse", "悪化"),
    "undecided": ("undecided", "判定不能"),
    "supported": ("supported", "支持"),
    "contradicted": ("contradicted", "反証"),
    "equivalent": ("no effect of a size that matters", "意味のある差なし"),
    "not yet": ("not decided yet", "未判定"),
    # What the script says
    "pair": (
        "Seed {a} without Dropout: {x} %. Seed {b} with Dropout: {y} %. {judged}",
        "シード {a}、ドロップアウトなし: {x} %。シード {b}、ドロップアウトあり: {y} %。{judged}",
    ),
    "pair_right": (
        "This pair points the right way.",
        "この 1 組は、平均と同じ向きを指します。",
    ),
    "pair_wrong": (
        "This pair says the wrong thing.",
        "この 1 組は、平均と逆のことを言っています。",
    ),
    "pair_equal": ("This pair shows no difference.", "この 1 組では差がありません。"),
    "tally": (
        "Drawn so far: {n}. Wrong: {wrong}. Without a difference: {equal}.",
        "これまでに引いた組: {n}。逆: {wrong}。差なし: {equal}。",
    ),
    "guess_end": (
        "After the last epoch your guess is at {guess}. Measured, as means over seeds: {with} with"
        " Dropout, {without} without.",
        "最後のエポックで、あなたの予想は {guess} です。実測（シードの平均）は、"
        "ドロップアウトありで {with}、なしで {without} です。",
    ),
    "says": (
        "All units say {full} ({full_p} %). With {dropped} of {units} units dropped: {one}"
        " ({one_p} %). Of 200 masks, {votes} say {mean}; their mean says {mean} ({mean_p} %).",
        "全ユニットの答え: {full}（{full_p} %）。{units} 個中 {dropped} 個を落とすと:"
        " {one}（{one_p} %）。200 個のマスクのうち {votes} 個が {mean} と答え、平均は {mean}"
        "（{mean_p} %）です。",
    ),
    "nothing": ("Draw a digit first.", "まず数字を描いてください。"),
}
WORDS = {  # by language
    language: {name: texts[place] for name, texts in _WORDS.items()}
    for place, language in enumerate(LANGUAGES)
}
