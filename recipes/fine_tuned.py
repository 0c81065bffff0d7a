# python fine_tuned.py PHOTOS [WEIGHTS], with one folder of photos per class
import pathlib
import sys

import keras

EPOCHS, RATE = 40, 1e-4  # other weights may need another rate
PHOTOS, WEIGHTS = [*sys.argv[1:], "imagenet"][:2]  # or a file of weights

train_ds, val_ds = keras.utils.image_dataset_from_directory(
    PHOTOS, image_size=(299, 299), validation_split=0.2, subset="both", seed=42
)
class_names = train_ds.class_names  # before map or cache, which lose them
base = keras.applications.InceptionV3(weights=WEIGHTS, include_top=False)

layers = [
    keras.Input((299, 299, 3)),
    keras.layers.Rescaling(1 / 127.5, offset=-1),  # 0…255 to -1…1
    base,
    keras.layers.GlobalAveragePooling2D(),
    keras.layers.Dropout(0.3),
    keras.layers.Dense(len(class_names), activation="softmax"),
]
model = keras.Sequential(layers)
stop = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
loss = "sparse_categorical_crossentropy"  # the labels are integers
base.trainable = False  # train the new head first
model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
model.fit(train_ds, validation_data=val_ds, epochs=EPOCHS, callbacks=[stop])

base.trainable = True  # then, with a new compile, the layers past mixed8
mixed8 = base.layers.index(base.get_layer("mixed8"))
for i, layer in enumerate(base.layers):  # BatchNorm stays frozen everywhere
    is_norm = isinstance(layer, keras.layers.BatchNormalization)
    layer.trainable = i > mixed8 and not is_norm
model.compile(keras.optimizers.Adam(RATE), loss, metrics=["accuracy"])
model.fit(train_ds, validation_data=val_ds, epochs=EPOCHS, callbacks=[stop])
model.save("fine_tuned.keras")
pathlib.Path("classes.txt").write_text("\n".join(class_names), "utf-8")
